"""Names that a dialogue carries, made safe: agent, pool, wallet and worker.

All of it was typed by a stranger.  What leaves here is short printable ASCII.  Passwords
and mail addresses are left out: what follows `:`, `/`, `#`, `+` or `@` in an account is cut.
"""

from __future__ import annotations

import re
from typing import Any, Final

AGENT_LENGTH: Final = 64
NAME_LENGTH: Final = 64
WALLET_LENGTH: Final = 128  # Monero's integrated addresses have 106 characters

_HOST = re.compile(
    r"(?:[a-z][a-z0-9+]{1,15}://)?([a-z0-9_](?:[a-z0-9._-]{0,98}[a-z0-9])?)(?::\d{1,5})?/?", re.I | re.A
)
_ADDRESS_LITERAL = re.compile(r"(?:0x)?[0-9a-f]*(?:\.\d{1,3}){0,3}", re.I | re.A)
_TOKEN_LENGTH: Final = 26  # the shortest addresses, Bitcoin's first kind
_TOKEN = re.compile(rf"(?<![a-z0-9-])(?=[a-z]*\d)[a-z0-9]{{{_TOKEN_LENGTH},}}(?![a-z0-9-])")
_HEX = re.compile(r"[0-9a-fA-F]+")
# Multi-coin pools are told the payout coin before the address; only known tickers, lest a
# password after "user:" be taken for an address.  `kaspa:` and its like are part of the address.
_ACCOUNT = re.compile(
    r"(?:(?:solo|SOLO|BTC|BCH|LTC|DOGE|DASH|ETH|ETC|XMR|ZEC|RVN|TRX|ADA|BNB|SOL|USDT|SHIB):(?=[A-Za-z0-9]{26}))?"
    r"((?:(?:kaspa|xel|cfx|nexa|bitcoincash):)?[^\s.:/#+@]+)(?:\.([^\s:/#+@]+))?"
)
_ADDRESS = re.compile(r"(?:[a-z]{3,12}:)?[A-Za-z0-9]{26,128}(?:\.[^\s/]*)?")


def printable(value: Any, limit: int) -> str | None:
    """Printable ASCII of a string, at most `limit` characters; None when nothing is left."""
    if not isinstance(value, str):
        return None
    kept = value[: 4 * limit]
    if not (kept.isascii() and kept.isprintable()):  # they nearly always are
        kept = "".join(c for c in kept if " " <= c <= "~")
    return kept.strip()[:limit].rstrip() or None


def agent_name(value: Any) -> str | None:
    """The mining software's own name."""
    return printable(value, AGENT_LENGTH)


def is_address(value: Any) -> bool:
    """Whether `value` looks like an address, perhaps with a worker, and not like the name of a program."""
    return (
        isinstance(value, str) and len(value) <= 2 * WALLET_LENGTH and _ADDRESS.fullmatch(value) is not None
    )


def host_name(value: Any) -> str | None:
    """A host's name in lower case, without scheme and port; None for addresses and anything else.

    A label like a wallet or a token is cut to `*`: what a name hands over is nobody's to show.
    """
    match = _HOST.fullmatch(value) if isinstance(value, str) and len(value) <= 140 else None
    if match is None or _ADDRESS_LITERAL.fullmatch(match[1]):
        return None
    name = match[1].lower()
    return name if len(name) <= _TOKEN_LENGTH else _TOKEN.sub("*", name)


def account(value: Any) -> tuple[str | None, str | None]:
    """(wallet or user, worker) of `wallet.worker`, with the dressing that pools put around it removed."""
    text = printable(value, 2 * WALLET_LENGTH)
    match = _ACCOUNT.match(text) if text else None
    if match is None:
        return None, None
    return printable(match[1], WALLET_LENGTH), printable(match[2], NAME_LENGTH)


def is_hex(value: Any, low: int, high: int) -> bool:
    """Whether `value` is a string of `low` to `high` hex digits, without prefix."""
    return isinstance(value, str) and low <= len(value) <= high and _HEX.fullmatch(value) is not None
