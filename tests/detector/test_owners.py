"""Whose an address was, and when, against a plain list of leases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.hosts import AssetsError, read_assets, text, words
from detector.owners import ALWAYS, Lease, LeaseError, Owners, told_by_name

DAY_NS = 86_400_000_000_000
ONE, TWO = words("10.0.0.1"), words("10.0.0.2")


def of(owners: Owners, address: tuple[int, int], moment: int) -> tuple[int, int]:
    (found,) = owners.of(np.array([address], np.uint64), np.array([moment])).tolist()
    return found[0], found[1]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([ONE, TWO]), st.integers(0, 9), st.integers(1, 5)),
        max_size=8,
    ),
    st.integers(0, 15),
)
def test_everyone_is_found_where_a_list_of_leases_says(
    drawn: list[tuple[str, tuple[int, int], int, int]], moment: int
) -> None:
    leases = [Lease(asset, place, start, start + length) for asset, place, start, length in drawn]
    conflict = any(
        one.address == other.address
        and one.asset != other.asset
        and one.start_ns < other.end_ns
        and other.start_ns < one.end_ns
        for one in leases
        for other in leases
    )
    if conflict:
        with pytest.raises(LeaseError):
            Owners.among(leases)
        return
    owners = Owners.among(leases)
    for place in (ONE, TWO):
        holders = {
            lease.asset
            for lease in leases
            if lease.address == place and lease.start_ns <= moment < lease.end_ns
        }
        expected = owners.counted[holders.pop()] if holders else place
        assert of(owners, place, moment) == expected


def test_addresses_of_an_asset_are_counted_under_its_first(tmp_path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text(
        "asset,ip,meter\nlaptop,2001:db8::7,\nlaptop,10.0.0.7,M-1\nlaptop,2001:db8::beef,\nweb,10.0.0.8,M-2\n"
    )
    assets = read_assets(str(path))
    for address in ("2001:db8::7", "10.0.0.7", "2001:db8::beef"):
        assert text(of(assets.owners, words(address), 0)) == "2001:db8::7"
    assert text(of(assets.owners, words("10.0.0.8"), 0)) == "10.0.0.8"
    assert assets.meter_to_ip() == {"M-1": "2001:db8::7", "M-2": "10.0.0.8"}
    assert set(assets.by_ip) == {"2001:db8::7", "10.0.0.8"}


def test_a_leased_address_is_its_holders_at_the_time(tmp_path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text(
        "asset,ip,start,end\nrig,10.0.0.7,,1970-01-02\nlaptop,10.0.0.7,1970-01-02T00:00:00Z,1970-01-03T01:00:00+01:00\n"
    )
    assets = read_assets(str(path))
    rig, laptop, nobody = (of(assets.owners, words("10.0.0.7"), moment * DAY_NS) for moment in (0, 1, 2))
    assert told_by_name(rig) and told_by_name(laptop) and rig != laptop
    assert text(nobody) == "10.0.0.7"
    assert assets.by_ip[text(rig)].asset == "rig" and assets.by_ip[text(laptop)].asset == "laptop"


def test_an_asset_keeps_its_own_address_beside_its_leases() -> None:
    leases = [Lease("a", ONE, 5, 9), Lease("a", TWO, *ALWAYS)]
    owners = Owners.among(leases)
    assert owners.counted == {"a": TWO} and of(owners, ONE, 6) == TWO and of(owners, ONE, 9) == ONE


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("a,10.0.0.7,,\nb,10.0.0.7,,\n", r"line 3: 10\.0\.0\.7 belongs to 'a' already \(line 2\)"),
        ("a,10.0.0.7,,1970-02-01\nb,10.0.0.7,1970-01-31,\n", r"line 3: 10\.0\.0\.7 belongs to 'a' already"),
        ("a,10.0.0.7,1970-01-02,1970-01-02\n", "line 2: start is not before end"),
        ("a,10.0.0.7,tomorrow,\n", "line 2: start 'tomorrow' is no time with its zone"),
        ("a,10.0.0.7,1970-01-02T00:00:00,\n", "line 2: start '1970-01-02T00:00:00' is no time with its zone"),
    ],
)
def test_mistakes_in_leases_are_told_with_their_lines(tmp_path, lines: str, told: str) -> None:
    path = tmp_path / "assets.csv"
    path.write_text("asset,ip,start,end\n" + lines)
    with pytest.raises(AssetsError, match=told):
        read_assets(str(path))
