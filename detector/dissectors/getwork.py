"""Work polled over HTTP: getwork, eth_getWork and getblocktemplate as JSON-RPC.

Sources: Bitcoin wiki (getwork), BIP 22 and 23 (getblocktemplate, submitblock), ethminer
(eth_getWork over POST), Monero's daemon RPC (get_block_template, submit_block) and how
xmrig's DaemonClient.cpp polls it: /getheight or /getinfo each second between templates,
which wallets ask too, so that they count only where a template was given.  A node's other
calls are passed over; a monitor that asks once and a miner that polls differ by
their counts, which is for `findings` to judge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from detector.dissectors import coins
from detector.dissectors.contract import Envelope, Message, Reply, Roles
from detector.dissectors.ethwork import difficulty_of, is_work
from detector.dissectors.identity import account, is_hex
from detector.dissectors.pending import Pending, is_accepted
from detector.records import Facts

GETWORK: Final = "getwork"
TEMPLATE: Final = "getblocktemplate"
# method -> dialect, what the request is
METHODS: Final = {
    "getwork": (GETWORK, "poll"),  # with a parameter it hands work in
    "eth_getWork": (GETWORK, "poll"),
    "eth_submitWork": (GETWORK, "share"),
    "eth_submitHashrate": (GETWORK, "report"),
    "getblocktemplate": (TEMPLATE, "poll"),
    "get_block_template": (TEMPLATE, "poll"),
    "submitblock": (TEMPLATE, "block"),
    "submit_block": (TEMPLATE, "share"),
}

HEIGHTS: Final = frozenset({"/getheight", "/get_height", "/getinfo", "/get_info"})

_ETHEREUM_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}(?![0-9a-fA-F])")


@dataclass(frozen=True, slots=True)
class _Work:
    """What an answer that gives work tells."""

    dialect: str
    coin: str = coins.UNKNOWN
    algorithm: str | None = None
    difficulty: float | None = None


class Getwork:
    """One connection that may poll for work; the header may have gone by unseen."""

    __slots__ = ("_dialect", "_pending", "_roles", "_template")

    def __init__(self) -> None:
        self._roles = Roles()
        self._pending = Pending()
        self._dialect = GETWORK
        self._template = False  # one was given

    def read(self, message: Message) -> Facts | Reply:
        """The facts of one message."""
        method = message.method
        if message.http is None and method is not None and method not in METHODS:
            return Reply.NOT_MINE
        request = method is not None if message.http is None else message.http.request
        return self._request(method, message) if request else self._answer(message)

    def _facts(self, **known: Any) -> Facts:
        return Facts(self._dialect, self._roles.client_is_a, **known)

    def _request(self, method: str | None, message: Message) -> Facts | Reply:
        if self._template and message.http is not None and message.http.target in HEIGHTS:
            self._pending.ask(message.value.get("id"), "height")
            return self._facts(requests=1) if self._roles.miner(message) else Reply.NEED_MORE
        if method not in METHODS:
            self._pending.ask(message.value.get("id"), "other")
            return Reply.NEED_MORE
        if not self._roles.miner(message):
            return Reply.NEED_MORE
        self._dialect, kind = METHODS[method]
        if method == "getwork" and message.params:
            kind = "share"
        self._pending.ask(message.value.get("id"), kind)
        if message.http is None and method.startswith("eth_"):
            return Reply.NEED_MORE  # eth-proxy's, unless HTTP answers it
        facts = self._facts(requests=int(kind in ("poll", "report")), shares=int(kind in ("share", "block")))
        if message.http is not None:
            _add_envelope(facts, message.http)
        _add_parameters(facts, method, message)
        return facts

    def _answer(self, message: Message) -> Facts | Reply:
        """HTTP answers in order, whatever ids the pool writes."""
        result = message.value.get("result")
        work = _work(result, message.ts_ns)
        if work is not None and self._roles.pool(message):
            self._pending.oldest()
            self._dialect = work.dialect
            self._template = work.dialect == TEMPLATE
            return self._facts(jobs=1, coin=work.coin, algorithm=work.algorithm, difficulty=work.difficulty)
        if not self._roles.is_pool(message):
            return Reply.NEED_MORE
        kind = self._pending.oldest()
        if kind == "poll" and message.http is not None and message.http.cut and message.http.status == 200:
            return self._facts(jobs=1)  # only templates are that long
        if kind not in ("share", "block") or not {"result", "error"} & message.value.keys():
            return Reply.NEED_MORE
        accepted = is_accepted(message.value) if kind == "share" else _is_null(message.value)
        return self._facts(accepted=int(accepted), rejected=int(not accepted))


def _add_envelope(facts: Facts, http: Envelope) -> None:
    """What the HTTP header tells: software, pool, account."""
    facts.agent, facts.pool = http.agent, http.host
    facts.coin = coins.of_name(http.host)
    facts.wallet, facts.worker = account(http.user)
    address = _ETHEREUM_ADDRESS.search(http.target)
    facts.wallet = address[0] if address else facts.wallet


def _add_parameters(facts: Facts, method: str, message: Message) -> None:
    """What the call itself tells of coin and wallet, where the pool's name told nothing."""
    if method.startswith("eth_"):
        coin, facts.algorithm = coins.of_ethash(message.ts_ns), "ethash"
    elif isinstance(message.named.get("wallet_address"), str):
        facts.wallet, _ = account(message.named["wallet_address"])
        coin = coins.of_address(facts.wallet)
    else:
        coin = "LTC" if _asks_for_mweb(message.params) else coins.UNKNOWN
    facts.coin = coin if facts.coin == coins.UNKNOWN else facts.coin


def _asks_for_mweb(params: list[Any]) -> bool:
    """Litecoin's nodes want the rule `mweb` (its extension blocks) to be named in the request."""
    rules = params[0].get("rules") if params and isinstance(params[0], dict) else None
    return isinstance(rules, list) and "mweb" in rules


def _work(result: Any, ts_ns: int) -> _Work | None:
    """The work that a result gives; each shape is told by members that nothing else has."""
    if is_work(result):
        return _Work(GETWORK, coins.of_ethash(ts_ns), "ethash", difficulty_of(result))
    if not isinstance(result, dict):
        return None
    if is_hex(result.get("data"), 256, 512) and is_hex(result.get("target"), 64, 64):
        return _Work(GETWORK)
    if is_hex(result.get("blocktemplate_blob"), 80, 1 << 20) and "prev_hash" in result:
        return _Work(TEMPLATE, *coins.of_cryptonote_blob(result.get("blockhashing_blob")))
    if is_hex(result.get("previousblockhash"), 64, 64) and {"coinbasevalue", "coinbasetxn"} & result.keys():
        hard = coins.is_bitcoin_hard(result.get("bits"))
        return _Work(TEMPLATE, "BTC", "sha256d") if hard else _Work(TEMPLATE)
    return None


def _is_null(answer: dict[str, Any]) -> bool:
    """BIP 22: a block that was taken is answered by null, else by the reason."""
    return answer.get("error") is None and answer.get("result") in (None, True)
