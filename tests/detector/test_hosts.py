"""Home networks, ends of a channel, and the asset map."""

import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.hosts import AssetsError, HomeNetworks, ends, read_assets, text
from detector.settings import PRIVATE_NETWORKS
from detector.windows.channel import empty


def words(address: str) -> tuple[int, int]:
    value = ipaddress.ip_address(address)
    number = int(value) | (0xFFFF_0000_0000 if value.version == 4 else 0)
    return number >> 64, number & (2**64 - 1)


@given(st.ip_addresses())
def test_text_is_what_the_standard_library_says(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    assert text(words(str(address))) == str(mapped or address)


@given(st.lists(st.sampled_from([0, 1, 0xFFFF]), min_size=8, max_size=8))
def test_text_shortens_runs_of_zeros_as_the_standard_library_does(groups: list[int]) -> None:
    address = ipaddress.IPv6Address(b"".join(group.to_bytes(2, "big") for group in groups))
    assert text(words(str(address))) == str(address.ipv4_mapped or address)


@given(st.lists(st.ip_addresses(), min_size=1, max_size=20))
def test_contains_agrees_with_the_standard_library(addresses: list[ipaddress.IPv4Address]) -> None:
    home = HomeNetworks(PRIVATE_NETWORKS)
    networks = [ipaddress.ip_network(name) for name in PRIVATE_NETWORKS]
    told = home.contains(np.array([words(str(a)) for a in addresses], np.uint64))
    for address, inside in zip(addresses, told, strict=True):
        plain = getattr(address, "ipv4_mapped", None) or address
        assert inside == any(plain in net for net in networks if net.version == plain.version)


def test_the_home_end_is_the_host_and_else_the_client() -> None:
    table = empty(3)
    table.client[:] = [words("10.0.0.7"), words("203.0.113.5"), words("203.0.113.5")]
    table.server[:] = [words("203.0.113.5"), words("10.0.0.7"), words("198.51.100.1")]
    found = ends(table, HomeNetworks(PRIVATE_NETWORKS))
    assert [text(host) for host in found.host] == ["10.0.0.7", "10.0.0.7", "203.0.113.5"]
    assert found.is_client.tolist() == [True, False, True]


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99. is no network"):
        HomeNetworks(["10.0.0.0/99"])


def test_assets_join_addresses_and_meters(tmp_path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text(
        "asset,organisation,ip,node,allowed_mining\nrig,Physics,10.0.0.7,n1,yes\nweb,,10.0.0.8,,\n"
    )
    assets = read_assets(str(path))
    assert assets.meter_to_ip() == {"n1": "10.0.0.7"}
    assert assets.by_ip["10.0.0.7"].organisation == "Physics"
    assert assets.by_ip["10.0.0.7"].allowed_mining


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("asset,organization\na,b\n", "line 1: unknown column 'organization'; did you mean 'organisation'"),
        ("ip\n10.0.0.1\n", "line 1: no column 'asset'"),
        ("asset,ip\na,10.0.0.999\n", "line 2: '10.0.0.999'"),
        ("asset,allowed_mining\na,maybe\n", "line 2: allowed_mining 'maybe'"),
        ("asset,contract_kw\na,lots\n", "line 2: contract_kw 'lots' is no number"),
    ],
)
def test_mistakes_in_the_asset_map_are_told_with_their_line(tmp_path, content: str, told: str) -> None:
    path = tmp_path / "assets.csv"
    path.write_text(content)
    with pytest.raises(AssetsError, match=told):
        read_assets(str(path))


def test_a_meter_of_two_assets_is_an_error_that_names_both_lines(tmp_path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text("asset,meter,node\nrig,M-1,\nrig,M-1,n1\nweb,M-2,\noffice,,M-1\n")
    with pytest.raises(AssetsError, match=r"line 5: 'M-1' belongs to 'rig' already \(line 2\)"):
        read_assets(str(path))
