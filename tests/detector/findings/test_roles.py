"""Who is no end host: what a proxy, a pool and a gateway are told as, and who is no host at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import channel as features
from detector.features import fusion
from detector.findings import judge, strip
from detector.findings.behind import system
from detector.findings.ledger import Ledger, Newest
from detector.findings.shapes import Shapes
from detector.hosts import Asset, Assets, HomeNetworks, are_hosts, text, words
from detector.owners import Lease, Owners
from detector.records import ChannelWindows, Facts, Finding, Names, Scores, Verdict
from detector.settings import PRIVATE_NETWORKS, Settings
from detector.windows.channel import concatenate
from tests.detector.findings.records import Models, Scorer, heard, logit
from tests.detector.findings.test_ledger import row

WORKERS = [f"10.0.0.{i}" for i in range(11, 14)]
PROXY, POOL = "10.0.0.2", "203.0.113.5"


def mined(client: str, server: str, facts: Facts | None = None, window: int = 0) -> ChannelWindows:
    table = row(client, server, window=window)
    table.facts[0] = facts or heard()
    return table


def told(
    *tables: ChannelWindows,
    assets: Assets | None = None,
    probability: float = 0.95,
    models: Models | None = None,
) -> dict[str, Finding]:
    """Findings by host after these rows, all of them scored `probability`."""
    owners = assets.owners if assets else Owners()
    made = Ledger(HomeNetworks(PRIVATE_NETWORKS), 6, 0.6, owners=owners)
    for table in tables:
        made.see(table, "a.pcap")
        keep = made.scoreable(table)
        assert keep.all()
        n = len(table)
        scores = Scores(np.full(n, probability), np.full(n, logit(probability)), np.zeros(n))
        vectors = features.extract(table)
        made.add(table, Newest(table.facts, table.wide[:, strip.COUNTED]), vectors, scores)
    found = judge(made, models or Models(), Settings(), assets or Assets())  # type: ignore[arg-type]
    return {finding.host: finding for finding in found}


def kinds(finding: Finding) -> set[str]:
    return {item.kind for item in finding.evidence}


def test_a_proxy_at_home_is_told_with_its_workers_and_they_with_it() -> None:
    found = told(*(mined(worker, PROXY) for worker in WORKERS), mined(PROXY, POOL))
    assert set(found) == {*WORKERS, PROXY}  # the pool is nobody's finding
    proxy = found[PROXY]
    assert (proxy.role, proxy.verdict) == ("mining proxy", Verdict.MINING)
    (serves,) = (item for item in proxy.evidence if item.kind == "serves_miners")
    assert serves.facts["workers"] == WORKERS and serves.weight == 0
    assert "passes on the work of a pool to 3 miners at home: 10.0.0.11, " in serves.summary
    for worker in WORKERS:
        assert found[worker].verdict is Verdict.MINING and found[worker].role is None
        (through,) = (item for item in found[worker].evidence if item.kind == "works_for")
        assert through.facts == {"through": PROXY, "role": "mining proxy"}


def test_a_pool_at_home_is_suspicious_though_it_mines_nothing_itself() -> None:
    found = told(*(mined(worker, PROXY) for worker in WORKERS))
    assert (found[PROXY].role, found[PROXY].verdict, found[PROXY].score) == ("pool", Verdict.SUSPICIOUS, None)
    assert found[PROXY].why.startswith("a pool: hands out work to 3 miners at home")


def test_a_pool_at_home_for_miners_elsewhere() -> None:
    found = told(mined("198.51.100.9", PROXY), mined("198.51.100.10", PROXY))
    assert set(found) == {PROXY} and found[PROXY].role == "pool"
    assert "hands out work to 2 channels from elsewhere" in found[PROXY].evidence[-1].summary


def test_a_miner_with_a_pool_elsewhere_has_no_role() -> None:
    (found,) = told(mined("10.0.0.7", POOL)).values()
    assert found.role is None and kinds(found) == {"stratum"}


def test_a_management_interface_makes_no_proxy_of_a_miner() -> None:
    asked = mined(WORKERS[0], PROXY, Facts("management", server_mines=True))
    asked.wide[0] = row(WORKERS[0], PROXY).wide[0]
    assert all(found.role is None for found in told(asked, mined(PROXY, POOL)).values())


def mute(client: str, server: str, windows: int = 2) -> list[ChannelWindows]:
    """Windows of a channel of which only the behaviour is seen."""
    return [row(client, server, window=window) for window in range(windows)]


def test_a_proxy_whose_words_nobody_reads_is_told_by_how_its_channels_behave() -> None:
    inward = [table for worker in WORKERS for table in mute(worker, PROXY)]
    found = told(*inward, *mute(PROXY, POOL))
    proxy = found[PROXY]
    assert (proxy.role, proxy.verdict) == ("mining proxy", Verdict.MINING)
    (serves,) = (item for item in proxy.evidence if item.kind == "serves_miners")
    assert serves.summary.startswith(
        "what looks like a mining proxy: passes on the work of a pool to 3 miners"
    )
    (through,) = (item for item in found[WORKERS[0]].evidence if item.kind == "works_for")
    assert through.summary == (
        f"seems to take its work from {PROXY}, what looks like a mining proxy with 3 workers at home"
    )


@pytest.mark.parametrize(
    ("inward", "outward", "windows"),
    [(WORKERS[:1], POOL, 2), (WORKERS, None, 2), (WORKERS, POOL, 1), (WORKERS, "10.0.0.99", 2)],
    ids=["one worker", "nothing outside", "one window", "upstream at home"],
)
def test_less_than_that_makes_no_proxy(inward: list[str], outward: str | None, windows: int) -> None:
    tables = [table for worker in inward for table in mute(worker, PROXY, windows)]
    found = told(*tables, *(mute(PROXY, outward, windows) if outward else []))
    assert found[PROXY].role is None and not any("works_for" in kinds(f) for f in found.values())


def test_a_proxy_that_is_only_guessed_moves_no_verdict() -> None:
    """Its own channel is suspect and the fused score says clear: a guess does not outweigh that."""
    quiet = Models(fusion=Scorer(says=lambda _: 0.05, names=fusion.NAMES))
    inward = [table for worker in WORKERS for table in mute(worker, PROXY)]
    found = told(*inward, *mute(PROXY, POOL), models=quiet)
    assert (found[PROXY].role, found[PROXY].verdict) == (None, Verdict.CLEAR)


# --- hosts that only answer


@pytest.mark.parametrize(
    ("clients", "probability", "verdict", "why"),
    [
        (3, 0.1, Verdict.CLEAR, "the most mining-like of their channels to it scores 0.100"),
        (2, 0.1, Verdict.UNDECIDED, "only answered 2 hosts at home: too few"),
        (3, 0.7, Verdict.UNDECIDED, "a channel to it scores 0.700: it may hand out work"),
    ],
)
def test_a_host_that_only_answers(clients: int, probability: float, verdict: Verdict, why: str) -> None:
    tables = [row(f"10.0.0.{11 + n}", "10.0.0.2") for n in range(clients)]
    found = told(*tables, probability=probability)["10.0.0.2"]
    assert (found.verdict, found.score) == (verdict, None)
    assert why in found.why
    assert [item.kind for item in found.counter_evidence] == ["ordinary_server"] * (verdict is Verdict.CLEAR)
    assert [lack["cause"] for lack in found.missing] == ["only_answered"] * (verdict is not Verdict.CLEAR)


# --- gateways


WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
PHONE = "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8)"
TABLET = "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15"


@pytest.mark.parametrize(
    ("agents", "role"),
    [([WINDOWS, PHONE, TABLET], "gateway"), ([WINDOWS, PHONE, WINDOWS, "curl/8.5.0", "XMRig/6"], None)],
)
def test_many_kinds_of_client_behind_one_address_make_a_gateway(agents: list[str], role: str | None) -> None:
    tables = [mined("10.0.0.1", POOL)]
    for n, agent in enumerate(agents):
        tables.append(row("10.0.0.1", f"198.51.100.{n}"))
        tables[-1].names[0] = Names(http_agent=agent)
    found = told(*tables)["10.0.0.1"]
    assert (found.role, found.verdict) == (role, Verdict.MINING)  # whoever it is, somebody mines
    shared = [item.summary for item in found.counter_evidence if item.kind == "gateway"]
    if role is None:
        assert not shared
        return
    assert (
        "(3 kinds of client behind it: Android, Windows, iOS; xmrig spoke from it); which of them"
        in shared[0]
    )


def test_user_agents_of_those_elsewhere_are_not_counted() -> None:
    """A web server at home is no gateway, whoever calls it."""
    tables = [row(f"198.51.100.{n}", "10.0.0.80") for n in range(3)]
    for table, agent in zip(tables, [WINDOWS, PHONE, TABLET], strict=True):
        table.names[0] = Names(http_agent=agent)
    assert told(*tables)["10.0.0.80"].role is None


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        (WINDOWS, "Windows"), (PHONE, "Android"), (TABLET, "iOS"), ("curl/8.5.0", None), ("", None),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One)", "console"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Linux"),
        ("Debian APT-HTTP/1.3 (2.6.1)", "Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "macOS"),
    ],
)  # fmt: skip
def test_kinds_of_client(agent: str, kind: str | None) -> None:
    assert system(agent) == kind


def hellos(kinds: int, apart: int = 0, client: str = "10.0.0.1") -> list[ChannelWindows]:
    """Hellos of so many kinds, each in a window `apart` from the one before."""
    tables = [row(client, f"198.51.100.{n}", window=n * apart) for n in range(kinds)]
    for n, table in enumerate(tables):
        table.names[0] = Names(ja4=f"t13d1516h2_{n:012x}_d8a2da3f94cd")
    return tables


def doubts(finding: Finding) -> list[str]:
    return [item.summary for item in finding.counter_evidence if item.kind == "maybe_gateway"]


@pytest.mark.parametrize(
    ("tables", "doubted"),
    [
        (hellos(12), True),
        (hellos(12, apart=1), True),  # within an hour, of 300 s a window
        (hellos(11), False),
        (hellos(11) + hellos(11), False),  # the same ones again
        (hellos(24, apart=2), False),  # never more than six within an hour
        (hellos(12, client="10.0.0.9"), False),  # somebody else's
    ],
)
def test_many_kinds_of_hello_raise_a_doubt_and_nothing_else(
    tables: list[ChannelWindows], doubted: bool
) -> None:
    found = told(mined("10.0.0.1", POOL), *tables)["10.0.0.1"]
    bare = told(mined("10.0.0.1", POOL), *([row("10.0.0.1", POOL)] * 2))["10.0.0.1"]
    assert (found.score, found.verdict, found.role) == (bare.score, Verdict.MINING, None)
    assert len(doubts(found)) == doubted
    if doubted:
        assert doubts(found)[0].startswith("maybe a gateway: at least 12 kinds of client speak through it")


def test_the_head_of_a_hello_is_no_kind() -> None:
    """One program names a server here and none there, with HTTP/2 and without."""
    tables = hellos(12)
    for n, table in enumerate(tables):
        table.names[0] = Names(ja4=f"t13{'di'[n % 2]}15{n:02d}h2_8daaf6152771_d8a2da3f94cd")
    assert not doubts(told(mined("10.0.0.1", POOL), *tables)["10.0.0.1"])


def test_the_doubt_is_not_told_where_the_gateway_is_known_or_nobody_is_accused() -> None:
    known = Assets({"10.0.0.1": Asset("gw", role="NAT")})
    found = told(mined("10.0.0.1", POOL), *hellos(12), assets=known)["10.0.0.1"]
    assert [item.kind for item in found.counter_evidence] == ["gateway"]
    assert not doubts(told(*hellos(12), probability=0.1)["10.0.0.1"])


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), max_size=150))
def test_kinds_are_counted_as_by_hand(heard: list[tuple[int, int]]) -> None:
    """(window, kind): against all windows of an hour, each counted anew."""
    made = Shapes()
    for window, kind in sorted(heard):
        made.hear("10.0.0.1", f"t13d_{kind}", window * 300_000_000_000)
    ends = (end for end in range(31) if len({kind for at, kind in heard if end - 12 < at <= end}) >= 12)
    first = next(ends, None)
    assert made.many("10.0.0.1") == (None if first is None else first * 300_000_000_000)


@pytest.mark.parametrize("name", ["NAT", "gateway"])
def test_the_asset_map_names_gateways(name: str) -> None:
    found = told(mined("10.0.0.1", POOL), assets=Assets({"10.0.0.1": Asset("gw", role=name)}))["10.0.0.1"]
    assert found.role == "gateway" and found.verdict is Verdict.MINING
    assert [item.kind for item in found.counter_evidence] == ["gateway"]


def test_more_programs_than_one_machine_runs_make_a_gateway() -> None:
    agents = ["XMRig/6.21.0", "lolMiner 1.88", "xmrig/6.0", "T-Rex/0.26"]
    tables = [mined("10.0.0.1", f"203.0.113.{i}", heard(agent=agent)) for i, agent in enumerate(agents)]
    assert told(*tables[:3])["10.0.0.1"].role is None  # two programs, one of them in two versions
    found = told(*tables)["10.0.0.1"]
    assert found.role == "gateway"
    assert "(lolminer, t-rex, xmrig spoke from it)" in found.counter_evidence[0].summary


@pytest.mark.parametrize(
    ("address", "is_host"),
    [
        ("224.0.0.251", False), ("239.255.255.250", False), ("255.255.255.255", False), ("0.0.0.0", False),
        ("ff02::fb", False), ("::", False), ("10.0.0.255", True), ("223.255.255.255", True), ("::1", True),
        ("fe80::1", True), ("240.0.0.1", True),
    ],
)  # fmt: skip
def test_groups_are_no_hosts(address: str, is_host: bool) -> None:
    assert are_hosts(np.array([words(address)], np.uint64)).tolist() == [is_host]


@pytest.mark.parametrize(
    ("client", "server", "hosts"),
    [
        ("10.0.0.7", "239.1.1.1", {"10.0.0.7"}),
        ("239.1.1.1", "198.51.100.9", {"198.51.100.9"}),  # the guess of who is the client went wrong
        ("239.1.1.1", "10.0.0.7", {"10.0.0.7"}),
        ("0.0.0.0", "255.255.255.255", set()),
    ],
)
def test_a_group_is_never_the_host_that_is_judged(client: str, server: str, hosts: set[str]) -> None:
    made = Ledger(HomeNetworks(PRIVATE_NETWORKS), 6, 0.6)
    table = row(client, server)
    made.see(table, "a.pcap")
    assert made.scoreable(table).tolist() == [bool(hosts)]
    assert set(made.hosts) == hosts


def test_addresses_of_one_asset_are_one_host() -> None:
    leases = [Lease("rig", words("10.0.0.7")), Lease("rig", words("fd00::7"))]
    assets = Assets({"10.0.0.7": Asset("rig", organisation="Physics")}, owners=Owners.among(leases))
    (found,) = told(
        mined("10.0.0.7", POOL), mined("fd00::7", "2001:db8::5", window=1), assets=assets
    ).values()
    assert (found.host, found.kind, found.organisation) == ("10.0.0.7", "ip", "Physics")
    assert found.quality["packets"] == 20 and found.quality["windows"] == 2
    assert len(found.evidence) == 2


def test_two_holders_of_one_address_are_two_hosts() -> None:
    first, later = mined("10.0.0.7", POOL), row("10.0.0.7", "198.51.100.9", window=1)
    change = int(later.wide[0, 0])
    leases = [Lease("rig", words("10.0.0.7"), end_ns=change), Lease("laptop", words("10.0.0.7"), change)]
    owners = Owners.among(leases)
    named = {"rig": Asset("rig"), "laptop": Asset("laptop")}
    assets = Assets({text(owners.counted[n]): a for n, a in named.items()}, owners=owners)
    found = told(first, later, assets=assets)
    assert {(f.host, f.kind) for f in found.values()} == {("rig", "asset"), ("laptop", "asset")}
    assert kinds(found["rig"]) == {"stratum"} and kinds(found["laptop"]) <= {"behaviour"}
    together = told(concatenate([first, later]), assets=assets)
    assert {f.host: f.quality["packets"] for f in together.values()} == {"rig": 10, "laptop": 10}
