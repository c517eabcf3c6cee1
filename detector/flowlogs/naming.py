"""What logs tell of names, as `Names` of a channel: cleaned and bounded as the dissectors' own are.

JA4 tells whether the ClientHello named a server and a protocol (FoxIO, JA4 technical details: after
transport and version comes d or i; the first part ends in the first ALPN, or 00).  Where a log holds
no JA4 that is not known, and no hello is counted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from detector import hosts
from detector.dissectors.identity import agent_name, host_name, printable
from detector.flowlogs.columns import addresses
from detector.records import Lookup, Names

if TYPE_CHECKING:
    from collections.abc import Iterable

ANSWERS: Final = 16  # of a question; more is no host that one talks to
_JA4: Final = re.compile(r"[tqd](?:[0-9s][0-9]|00)([di])[0-9]{4}([0-9a-zA-Z]{2})_[0-9a-f]{12}_[0-9a-f]{12}")
_COMMON_NAME: Final = re.compile(r"(?:^|[,/] ?)CN ?= ?(?:\*\.)?([^,/+]{1,253})")
_VERSION: Final = re.compile(r"(?:D?TLSv?|TLS )(1)\.?([0-3])", re.I)

named = lru_cache(maxsize=4096)(host_name)
"""A host's name in lower case; None for anything else."""


def tls(
    server_name: str | None,
    *,
    alpn: str | None = None,
    ja4: str | None = None,
    version: str | None = None,
    subject: str | None = None,
    self_signed: bool | None = None,
) -> Names | None:
    """Of a handshake; None where it shows nothing."""
    shape = _JA4.fullmatch(ja4) if ja4 else None
    common = _COMMON_NAME.search(subject) if subject else None
    holder = named(common[1]) if common else None
    chosen = _VERSION.match(version) if version else None
    found = Names(
        hellos=int(shape is not None),
        without_name=int(shape is not None and shape[1] == "i"),
        without_alpn=int(shape is not None and shape[2] == "00"),
        server_name=named(server_name) if server_name else None,
        alpn=printable(alpn, 16),
        ja4=ja4 if shape else None,
        version=f"{chosen[1]}.{chosen[2]}" if chosen else None,
        certificate=(holder,) if holder else (),
        self_signed=self_signed,
    )
    return None if found == _NOTHING else found


def http(host: str | None, agent: str | None) -> Names | None:
    """Of a request."""
    name, program = named(host[:140]) if host else None, agent_name(agent)
    return Names(http_host=name, http_agent=program) if name or program else None


def asked(ts_ns: int, question: str | None, answers: Iterable[str], nothing: bool) -> Names | None:
    """Of an answered question of DNS; answers: addresses, and names of others, which are passed over;
    nothing: the answer is that there is none."""
    name = named(question[:140]) if question else None
    if name is None:
        return None
    told = [answer for _, answer in zip(range(ANSWERS), answers, strict=False)]
    words, are = addresses(told)
    found = [hosts.text(words[i]) for i in range(len(told)) if are[i]]
    if found:
        return Names(lookups=tuple(Lookup(ts_ns, name, address) for address in found))
    return Names(lookups=(Lookup(ts_ns, name, None),)) if nothing else None


_NOTHING: Final = Names()
