"""Identifiers under a key: the prefix property, stability, and nothing left of what is to be hidden."""

import hashlib
import hmac
import io
import ipaddress
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.document import Context
from detector.pipeline import Result
from detector.privacy import SPECIAL, Privacy, Pseudonyms, site_key
from detector.records import Evidence, Finding
from detector.report.page import page
from detector.rollup import of_result
from detector.settings import PRIVATE_NETWORKS, PrivacySettings, Settings, SettingsError
from detector.sinks import SINKS
from tests.detector.sinks.samples import MODEL, clear, everything, metered, mining, pooled, source

KEY = b"a key for the tests, 32 bytes..."
UNDER = Pseudonyms(KEY)
V4 = st.integers(0, 2**32 - 1).map(lambda n: str(ipaddress.IPv4Address(n)))
V6 = st.integers(0, 2**128 - 1).map(lambda n: str(ipaddress.IPv6Address(n)))
HOME = ("10.0.0.0/8", "2001:db8::/32")


def common(one: str, other: str) -> int:
    """Leading bits that two addresses of one version share."""
    a, b = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return a.max_prefixlen - (int(a) ^ int(b)).bit_length()


def near(addresses: st.SearchStrategy[str], bits: int) -> st.SearchStrategy[tuple[str, str]]:
    """Pairs that share a prefix of any length, not only a short one."""

    def flipped(pair: tuple[str, int]) -> tuple[str, str]:
        known = ipaddress.ip_address(pair[0])
        return pair[0], str(type(known)(int(known) ^ pair[1]))

    return st.tuples(addresses, st.integers(0, bits).map(lambda n: (1 << n) - 1)).map(flipped)


@given(st.one_of(st.tuples(V4, V4), near(V4, 32), st.tuples(V6, V6), near(V6, 128)))
def test_two_pseudonyms_share_what_their_addresses_share(pair: tuple[str, str]) -> None:
    one, other = map(UNDER.address, pair)
    assert common(one, other) == common(*pair)


@given(st.one_of(V4, V6))
def test_a_pseudonym_is_stable_and_of_its_key(address: str) -> None:
    assert Pseudonyms(KEY).address(address) == UNDER.address(address)


def test_another_key_gives_other_pseudonyms() -> None:
    hosts = [f"10.20.{i}.{i}" for i in range(200)]
    other = Pseudonyms(KEY[::-1])
    assert sum(UNDER.address(host) == other.address(host) for host in hosts) < 5
    assert sum(UNDER.address(host) == host for host in hosts) < 5
    assert len({UNDER.address(host) for host in hosts}) == 200


@given(st.one_of(V4, V6))
def test_special_networks_are_mapped_onto_themselves(address: str) -> None:
    before, after = ipaddress.ip_address(address), ipaddress.ip_address(UNDER.address(address))
    for network in map(ipaddress.ip_network, SPECIAL):
        assert (before in network) == (after in network)


@pytest.mark.parametrize("private", [name for name in PRIVATE_NETWORKS if name != "::1/128"])
def test_private_hosts_stay_private_and_change(private: str) -> None:
    network = ipaddress.ip_network(private)
    host = str(network[0x1234])
    told = UNDER.address(host)
    assert ipaddress.ip_address(told) in network and told != host


def test_one_hmac_a_byte_is_the_bitwise_construction() -> None:
    """An oracle that walks the tree a bit at a time, as the paper has it."""
    key = hmac.digest(KEY, b"minewatch addresses", hashlib.sha256)
    kept = {
        (n.version, f"{int(n.network_address):0{n.max_prefixlen}b}"[:depth])
        for n in map(ipaddress.ip_network, SPECIAL)
        for depth in range(n.prefixlen)
    }
    for address in ("147.229.13.222", "10.1.2.3", "192.167.255.1", "2001:db8::7", "fe80::1:2"):
        known = ipaddress.ip_address(address)
        bits, told = f"{int(known):0{known.max_prefixlen}b}", ""
        for depth, bit in enumerate(bits):
            before, within = bits[:depth], bits[depth - depth % 8 : depth]
            digest = hmac.digest(key, bytes([known.version]) + known.packed[: depth // 8], hashlib.sha256)
            node = int("1" + within, 2)
            flip = int.from_bytes(digest, "big") >> node & 1 if (known.version, before) not in kept else 0
            told += str(int(bit) ^ flip)
        assert UNDER.address(address) == str(type(known)(int(told, 2)))


# --- the key


def test_key_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    path.write_bytes(KEY + b"\n")
    assert site_key(str(path)) == KEY


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "16 to 4096"), (b"short\n", "16 to 4096"), (b"x" * 5000, "16 to 4096")]
)
def test_what_is_no_key(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=said) as caught:
        site_key(str(path))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_key_that_is_not_there_and_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        Privacy.of(Settings(privacy=PrivacySettings(site_key=str(tmp_path / "none"))))
    with pytest.raises(SettingsError, match="need a site key"):
        Privacy.of(Settings(privacy=PrivacySettings(pseudonymise=True)))


# --- findings


def hashed() -> Finding:
    finding = pooled()
    finding.evidence[0].facts = {
        "dialect": "stratum", "wallet": "sha256:1f3a9c0d2e4b5a67", "worker": "sha256:0011223344556677",
    }  # fmt: skip
    return finding


def test_without_a_key_nothing_changes() -> None:
    findings = everything()
    assert Privacy(None, False, HOME).findings(findings) == findings


def test_hashes_are_made_with_the_key() -> None:
    (told,) = Privacy(KEY, False, HOME).findings([hashed()])
    facts = told.evidence[0].facts
    assert (
        facts["wallet"] == UNDER.rehash("sha256:1f3a9c0d2e4b5a67") != UNDER.rehash("sha256:0011223344556677")
    )
    assert str(facts["wallet"]).startswith("hmac-sha256:") and len(str(facts["wallet"])) == 28
    assert told.host == "10.20.0.24" and told.evidence[0].channel == hashed().evidence[0].channel


def test_identifiers_in_the_clear_stay_so() -> None:
    finding = hashed()
    finding.evidence[0].facts = {"wallet": "4" + "A" * 94}
    (told,) = Privacy(KEY, False, HOME).findings([finding])
    assert told.evidence[0].facts == finding.evidence[0].facts


SECRETS = (
    "10.20.0.23",
    "10.20.0.24",
    "2001:db8::7",
    "PDU 7",
    "Faculty",
    "fe80::1",
    "1:LQU9",
    "49152",
    "Blockchain",
)


def named() -> list[Finding]:
    """Findings that name hosts, a meter and an organisation in every place that can hold one."""
    asked = mining(why="XMRig at 10.20.0.24:3333, [2001:db8::7]:80 and fe80::1: met 10.20.0.23.")
    asked.quality = {"packets": 1, "sources": ["caps/10.20.0.23.pcap", "caps/host_10.20.0.24_a.pcap"]}
    asked.evidence.append(
        Evidence(
            "synchrony",
            0.0,
            "beside 10.20.0.24",
            facts={"with": "10.20.0.24", "deep": {"ip": ["10.20.0.23"]}},
        )
    )
    drawn = Evidence("power", 1.0, "PDU 7 | outlet=3 draws 640 W", facts={"meter": "PDU 7 | outlet=3"})
    asked.evidence.append(drawn)
    asked.counter_evidence = [Evidence("ordinary_power", -1.0, "power of PDU 7 | outlet=3 scores 0.1: low")]
    asked.counter_evidence[0].facts = {"meter": "PDU 7 | outlet=3"}
    inside = pooled(remote="10.20.0.23")
    meter = metered()
    meter.why = "PDU 7 | outlet=3 draws 640 W"
    licensed = mining(host="10.20.0.24", allowed="Blockchain lab", organisation="Faculty")
    licensed.why = "allowed by Blockchain lab of Faculty"
    return [licensed, asked, inside, pooled("2001:db8::7", "2606:2800:220:1::1"), meter, clear("fe80::1")]


def outputs(findings: list[Finding]) -> dict[str, str]:
    told = {}
    for sink in SINKS:
        stream = io.StringIO()
        sink.write(findings, stream, Context(model=MODEL))
        told[sink.name] = stream.getvalue()
    result = Result(findings, [source()], [], MODEL)
    told["report"] = page(result, Context(model=MODEL), of_result(result, 0.473))
    return told


def test_no_format_tells_who_it_is_under_pseudonyms() -> None:
    home = (*HOME, "fe80::/10")
    told = outputs(Privacy(KEY, True, home).findings(named()))
    clear_text = outputs(named())
    for name, text in told.items():
        assert [secret for secret in SECRETS if secret in text] == [], name
        assert any(secret in clear_text[name] for secret in SECRETS), name  # what the test looks for is there


def test_pools_and_what_was_said_stay() -> None:
    finding = pooled()
    finding.why = "XMRig/6.21.0 at 93.184.216.34:14444 (Monero)"
    (told,) = Privacy(KEY, True, HOME).findings([finding])
    assert told.why == finding.why
    assert told.evidence[0].channel == {
        "remote": "93.184.216.34", "port": 14444, "transport": "tcp", "role": "client",
    }  # fmt: skip


def test_one_host_has_one_pseudonym_wherever_it_is_named() -> None:
    finding = mining(why="10.20.0.23 and 10.20.0.23")
    (told,) = Privacy(KEY, True, HOME).findings([finding])
    assert told.why == f"{told.host} and {told.host}"


def test_a_host_outside_the_home_networks_is_hidden_too() -> None:
    (told,) = Privacy(KEY, True, HOME).findings([mining(host="147.229.13.222", why="147.229.13.222 mines")])
    assert "147.229.13.222" not in json.dumps([told.host, told.why])


def test_the_order_does_not_tell_who_is_who() -> None:
    hosts = [clear(f"10.20.0.{i}") for i in range(1, 60)]
    told = [finding.host for finding in Privacy(KEY, True, HOME).findings(hosts)]
    assert told == sorted(told)


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_passes(text: str, name: str) -> None:
    finding = mining(why=text, kind="meter", host=name)
    finding.evidence[0].facts = {"meter": text, "wallet": text}
    Privacy(KEY, True, HOME).findings([finding])


@given(V6)
def test_every_spelling_in_a_sentence_is_found(address: str) -> None:
    host = mining(host=address, why=f"at [{address}]:443, {address}: {address}.")
    (told,) = Privacy(KEY, True, ()).findings([host])
    assert told.why == f"at [{told.host}]:443, {told.host}: {told.host}."
