"""Community IDs against the library of the specification's authors, and its published examples."""

import communityid
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.community_id import community_id

TCP, UDP = communityid.PROTO_TCP, communityid.PROTO_UDP
MAKE = {TCP: communityid.FlowTuple.make_tcp, UDP: communityid.FlowTuple.make_udp}
ADDRESSES = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)),
    st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6)),
).map(lambda pair: (str(pair[0]), str(pair[1])))
PORTS = st.integers(0, 65_535)


@pytest.mark.parametrize(
    ("one", "other", "protocol", "known"),
    [  # baseline/baseline_deflt.json of the specification
        (("128.232.110.120", 34855), ("66.35.250.204", 80), TCP, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (("192.168.1.52", 54585), ("8.8.8.8", 53), UDP, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    ],
)
def test_examples_of_the_specification(
    one: tuple[str, int], other: tuple[str, int], protocol: int, known: str
) -> None:
    assert community_id(one, other, protocol) == community_id(other, one, protocol) == known


@given(ADDRESSES, PORTS, PORTS, st.sampled_from((TCP, UDP)), st.integers(0, 65_535))
def test_the_authors_library_says_the_same(
    pair: tuple[str, str], port: int, other_port: int, protocol: int, seed: int
) -> None:
    known = communityid.CommunityID(seed=seed).calc(MAKE[protocol](*pair, port, other_port))
    assert community_id((pair[0], port), (pair[1], other_port), protocol, seed) == known


@pytest.mark.parametrize("address", ["", "host", "10.0.0.0/8", "fe80::1"])
def test_what_is_no_flow(address: str) -> None:
    with pytest.raises(ValueError):
        community_id(("10.0.0.1", 1), (address, 2), TCP)
