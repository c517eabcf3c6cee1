"""Requests that wait for their answer: matches results to what was asked (JSON-RPC 2.0, 5).

Miners reuse ids (one id for every share, or for the login and every share), so the
requests of one id are a queue.  At most `LIMIT` wait; the oldest are forgotten.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

LIMIT: Final = 64


class Pending:
    """The requests of one side of one connection that nobody has answered yet."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, str]] = deque(maxlen=LIMIT)

    def ask(self, identity: Any, kind: str) -> None:
        """Remember a request of this id and kind."""
        self._waiting.append((_key(identity), kind))

    def answer(self, identity: Any) -> str | None:
        """Kind of the oldest request of this id, which is then settled; None when there is none."""
        key = _key(identity)
        for index, (waiting, kind) in enumerate(self._waiting):
            if waiting == key:
                del self._waiting[index]
                return kind
        return None

    def oldest(self) -> str | None:
        """Kind of the oldest request, which is then settled: HTTP answers in order (RFC 9112, 9.3.2)."""
        return self._waiting.popleft()[1] if self._waiting else None


def _key(identity: Any) -> str:
    """Ids compare as text: some pools answer the id 4 with "4"."""
    return str(identity)[:64] if isinstance(identity, int | float | str) else ""


def is_accepted(answer: dict[str, Any]) -> bool:
    """Whether an answer to a share says yes.

    `result` true or an object (CryptoNote's status OK), no error; EthereumStratum 2 may
    leave `result` out beside a null error.
    """
    if answer.get("error") not in (None, False, [], {}, ""):
        return False
    if "result" not in answer:
        return "error" in answer
    return bool(answer["result"])
