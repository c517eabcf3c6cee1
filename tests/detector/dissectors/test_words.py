"""The kernel hands over what holds a word (`keywords.WORDS`): every dialogue must hold one early."""

from __future__ import annotations

import pytest

from detector.dissectors import Dissection
from detector.kernel import keywords, tables
from tests.detector.dissectors.dialogue import Piece, facts_of
from tests.detector.dissectors.test_beam import TALK as BEAM
from tests.detector.dissectors.test_carriers import ALEPHIUM, BITCOIN, plain, websocket
from tests.detector.dissectors.test_cryptonote import TALK as CRYPTONOTE
from tests.detector.dissectors.test_ethproxy import TALK as ETHPROXY
from tests.detector.dissectors.test_getwork import BITCOIN as TEMPLATES
from tests.detector.dissectors.test_getwork import ETHEREUM, GETWORK
from tests.detector.dissectors.test_grin_and_relatives import ARWEAVE, BYTOM, GRIN
from tests.detector.dissectors.test_management import TALKS
from tests.detector.dissectors.test_nervos_and_duino import DUINO, NERVOS
from tests.detector.dissectors.test_stratum import IRONFISH, ZCASH
from tests.detector.dissectors.test_stratumv2 import DECLARATION, MINING
from tests.detector.dissectors.test_stratumv2 import TEMPLATES as SV2_TEMPLATES

DIALOGUES: dict[str, list[Piece]] = {
    "stratum": BITCOIN, "zcash": ZCASH, "ironfish": IRONFISH, "alephium": ALEPHIUM, "cryptonote": CRYPTONOTE,
    "ethproxy": ETHPROXY, "getwork": GETWORK, "eth_getWork": ETHEREUM, "templates": TEMPLATES, "grin": GRIN,
    "arweave": ARWEAVE, "bytom": BYTOM, "beam": BEAM, "nervos": NERVOS, "duino": DUINO, "sv2": MINING,
    "sv2 declaration": DECLARATION, "sv2 templates": SV2_TEMPLATES, "websocket": websocket(BITCOIN, plain),
    **{f"management of {name}": talk for name, (talk, _) in TALKS.items()},
}  # fmt: skip


def flags(piece: Piece) -> bool:
    """Whether the kernel would flag the connection by this packet; it stops three bytes before the end."""
    seen = piece.data[: tables.SCAN_BYTES]
    return any(word in seen for word in keywords.WORDS)


@pytest.mark.parametrize("name", DIALOGUES)
def test_what_is_handed_over_tells_the_dialect(name: str) -> None:
    talk = DIALOGUES[name]
    first = next(i for i, piece in enumerate(talk) if flags(piece))
    dissection, expected = Dissection(300), facts_of(talk)
    dissection.feed(talk[first:])
    facts = dissection.facts(7, talk[0].ts_ns)
    assert facts is not None and expected is not None
    assert (facts.dialect, facts.coin, facts.shares) == (expected.dialect, expected.coin, expected.shares)


@pytest.mark.parametrize(
    "name", ["stratum", "zcash", "ironfish", "cryptonote", "grin", "beam", "nervos", "sv2"]
)
def test_the_middle_is_handed_over_too(name: str) -> None:
    """From the second half on there is a word in what comes."""
    talk = DIALOGUES[name]
    assert any(map(flags, talk[len(talk) // 2 :]))


def test_words_are_long_enough_for_the_scan() -> None:
    assert all(len(word) >= 4 for word in keywords.WORDS)
    assert len(set(keywords.WORDS)) == len(keywords.WORDS)
