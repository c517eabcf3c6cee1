"""Beam's dialect, as the wiki of BeamMW/beam and NiceHash's modification write it.  Values are made up."""

from __future__ import annotations

from typing import Any

import pytest

from detector.records import Facts
from tests.detector.dissectors.dialogue import assert_indifferent, facts_of, miner, pool

WALLET = "3f" * 33


def rpc(method: str, identity: str, **members: object) -> dict[str, Any]:
    return {"method": method, "id": identity, "jsonrpc": "2.0", **members}


JOB = rpc("job", "212", input="63" * 32, difficulty=3441671469, height=1_000_000, nonceprefix="ab4e3a")
SOLUTION = rpc("solution", "212", nonce="0bb11009afc29dbe", output="a3" * 104)
TALK = [
    *miner(rpc("login", "login", api_key=WALLET + ".rig")),
    *pool(rpc("result", "login", code=0, description="Login successful", nonceprefix="ab4e3a")),
    *pool(JOB),
    *miner(SOLUTION),
    *pool(rpc("result", "212", code=1, description="accepted")),
    *pool(rpc("cancel", "212")),
    *miner(SOLUTION),
    *pool(rpc("result", "212", code=-32003, description="rejected")),
]


def test_conversation() -> None:
    assert facts_of(TALK) == Facts(
        dialect="beam",
        client_is_a=True,
        algorithm="beamhash",
        wallet=WALLET,
        worker="rig",
        logins=1,
        jobs=1,
        shares=2,
        accepted=1,
        rejected=1,
    )


def test_segments_spacing_and_key_order_do_not_matter() -> None:
    assert_indifferent(TALK)


def test_a_nodes_key_is_in_no_facts() -> None:
    facts = facts_of([*miner(rpc("login", "login", api_key="skjdb7343636gucgjdjgd")), *TALK[1:]])
    assert facts is not None and (facts.logins, facts.wallet, facts.worker) == (1, None, None)


@pytest.mark.parametrize("index", [2, 3])
def test_one_message_alone_tells(index: int) -> None:
    facts = facts_of([TALK[index]])
    assert facts is not None and (facts.dialect, facts.client_is_a) == ("beam", True)


@pytest.mark.parametrize("index", [0, 1, 4, 5])
def test_common_words_do_not_tell(index: int) -> None:
    assert facts_of([TALK[index]]) is None


@pytest.mark.parametrize(
    "value",
    [
        {**JOB, "input": "63" * 20},
        {**JOB, "difficulty": "high"},
        {**SOLUTION, "output": "yes"},
        {**SOLUTION, "nonce": 5},
        rpc("result", "212", code=1, description="done"),
    ],
)
def test_jobs_of_other_services(value: object) -> None:
    assert facts_of([*miner(rpc("login", "1", api_key="hunter2secret")), *pool(value), *miner(value)]) is None
