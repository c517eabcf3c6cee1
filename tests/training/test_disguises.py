"""Scenes: who mines in them, what the capture misses, what evasion does, and what shared work means."""

from __future__ import annotations

import io

import dpkt
import pytest

from detector.kernel import layout
from detector.metering import Metering
from detector.settings import Settings
from training.simulation.catalogue import family_named
from training.simulation.conversation import simulate
from training.simulation.disguises import CLEAR, DISGUISES, TLS_13, WORKERS, Scene, evading, farm, scene
from training.simulation.draw import Draw
from training.simulation.evasion import Evasion
from training.simulation.script import DOWN, UP

BY_NAME = {disguise.name: disguise for disguise in DISGUISES}


def frames(of: Scene) -> list[tuple[float, bytes]]:
    return list(dpkt.pcap.Reader(io.BytesIO(of.pcap)))


def addresses(of: Scene) -> set[str]:
    found = set()
    for _, frame in frames(of):
        packet = dpkt.ethernet.Ethernet(frame).data
        for address in (packet.src, packet.dst):
            found.add(".".join(map(str, address)) if len(address) == 4 else address.hex())
    return found


@pytest.mark.parametrize("disguise", DISGUISES, ids=lambda disguise: disguise.name)
def test_every_disguise_makes_a_scene_again_and_again(disguise) -> None:  # type: ignore[no-untyped-def]
    made = scene(disguise, "stratum", 7, 600.0)
    assert made == scene(disguise, "stratum", 7, 600.0)
    assert len(made.miners) == 1
    if "1000" not in disguise.name:
        assert len(frames(made)) > 0


def test_a_half_holds_one_direction() -> None:
    for way, name in ((UP, "client's"), (DOWN, "server's")):
        made = scene(BY_NAME[f"TLS 1.3, {name} half only"], "kawpow", 3, 600.0)
        (miner,) = made.miners
        sources = {dpkt.ethernet.Ethernet(frame).data.src for _, frame in frames(made)}
        assert len(sources) == 1
        assert (".".join(map(str, sources.pop())) == miner) == (way == UP)


def test_a_sample_holds_its_share() -> None:
    whole = len(frames(scene(CLEAR, "kaspa", 5, 1_200.0)))
    part = len(frames(scene(BY_NAME["in the clear, sampled 1:10"], "kaspa", 5, 1_200.0)))
    assert 0.07 * whole < part < 0.13 * whole


def test_a_user_browses_beside_the_miner() -> None:
    made = scene(BY_NAME["TLS 1.3, a user browses behind the same NAT"], "stratum", 3, 600.0)
    alone = scene(TLS_13, "stratum", 3, 600.0)
    assert len(made.miners) == 1
    assert len(addresses(made)) > len(addresses(alone)) + 2


def test_pools_in_turn_are_two_remotes() -> None:
    made = scene(BY_NAME["TLS 1.3, two pools in turn"], "stratum", 3, 2_400.0)
    assert len(addresses(made)) == 3


def test_no_share_means_none() -> None:
    talk = simulate(
        "cryptonote", 3, duration_s=1_800, wrap="none", tunnel="", whole=True, paced={"share_s": 0.0}
    )
    assert b'"submit"' not in b"".join(data for _, _, data in talk.connections[0].writes)


def test_a_farm_is_seen_inside_and_outside() -> None:
    made = farm("cryptonote", 3, 900.0)
    metering = Metering(Settings())
    metering.meter.feed(made.pcap)
    metering.meter.finish()
    windows = metering.windows(final=True)
    clear = {fact.dialect for fact in windows.facts if fact is not None}
    assert len(made.miners) == WORKERS + 1
    assert clear == {"cryptonote"}
    assert int(windows.wide[:, layout.TLS_RECORDS].sum()) > 10


def test_miners_of_one_coin_get_work_at_the_same_moments() -> None:
    draw = Draw(1)
    jobs = [(time, True) for time in draw.poisson(60.0, 1_800.0)]
    pushed = []
    for seed in (1, 2):
        talk = simulate("kawpow", seed, duration_s=1_800, wrap="none", tunnel="", whole=True, jobs=jobs)
        notified = [time for time, _, data in talk.connections[0].writes if b"mining.notify" in data]
        pushed.append(notified)
    for given, _ in jobs:
        assert all(any(0.0 <= time - given < 2.0 for time in times) for times in pushed)


def test_evasion_pads_delays_and_keeps_answers_behind_questions() -> None:
    events = [(1.0, UP, 100), (1.05, DOWN, 40), (30.0, DOWN, 400), (60.0, UP, 100), (60.05, DOWN, 40)]
    late = Evasion(jitter_s=5.0).delayed(Draw(3), list(events), 0.04)
    assert sorted(what for _, _, what in late) == sorted(what for _, _, what in events)
    assert all(time >= 1.0 for time, _, _ in late)
    up = [time for time, way, _ in late if way == UP]
    answers = [time for time, way, what in late if way == DOWN and what == 40]
    assert all(answer >= asked for asked, answer in zip(up, answers, strict=True))
    padded = simulate("stratum", 4, duration_s=600, wrap="tls13", tunnel="", whole=True, evasion=Evasion(512))
    sealed = [len(data) for _, _, data in padded.connections[0].writes[6:]]
    assert {(size - 21) % 512 for size in sealed} == {0}
    assert evading(Evasion(64, 1.0)).name != evading(Evasion(64, 2.0)).name


def test_what_hears_nothing_is_wrapped_otherwise() -> None:
    assert family_named("stratum2").wraps == ("noise",)
