"""How identifiers leave: hashes of wallets and workers under a site's key, hosts under pseudonyms.

Everything that is told of a finding passes here once, before any sink, report or journal.

A hash without a key can be found again by who guesses the wallet, or tries all worker names.
With a site key, `sha256:` and 16 digits become `hmac-sha256:` and the first 16 digits of
HMAC-SHA256(key, the hash as it was).  Pseudonyms of addresses preserve prefixes: two addresses
that agree in their first n bits do so under their pseudonyms, and in no more.  That is the
property of Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-preserving IP address anonymization, ICNP
2002), with HMAC-SHA256 in the place of AES; special networks (private, link-local, multicast)
are mapped onto themselves, so that what was private still looks so.  Who holds the key finds
who is meant; who does not is not told.  Prefix-preserving pseudonyms bear no active attacker
who can inject traffic of known addresses (Brekne and others, 2005): they are for handing
findings to those who need not know, not for publishing.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final

from detector.findings.evidence import clean, hashed
from detector.findings.verdict import rank
from detector.records import Finding, SourceReport
from detector.settings import Settings, SettingsError

LEAST_KEY: Final = 16  # bytes; 128 bits, if they are random
MOST_KEY: Final = 4096
SPECIAL: Final = (  # RFC 6890 and RFC 4291; 2000::/3 is all of the global unicast that is assigned
    "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/4", "::1/128", "2000::/3", "fc00::/7", "fe80::/10", "ff00::/8",
)  # fmt: skip
JOINABLE: Final = ("client_port", "community_id")  # of a channel: with other logs they name the host
_HASH = re.compile(r"(?<![\w-])sha256:[0-9a-f]{16}(?![0-9a-f])")
_ADDRESS = re.compile(
    r"(?<!\d)(?<!\d\.)(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)"
    r"|(?<![0-9A-Za-z:])(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{1,38}(?:[0-9A-Fa-f]|(?<!::)(?<=:):)(?![0-9A-Za-z])"
)
_WORDS = ("kind", "verdict", "role", "contributions")  # fields that hold words of this program

Text = Callable[[str], str]


def site_key(path: str) -> bytes:
    """The key in a file, which may end in a line break.  Raises SettingsError."""
    try:
        with Path(path).open("rb") as file:
            key = file.read(MOST_KEY + 1).rstrip(b"\r\n")
    except OSError as error:
        raise SettingsError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    if not LEAST_KEY <= len(key) <= MOST_KEY:
        make = "make one with: head -c 32 /dev/urandom > site.key"
        raise SettingsError(f"{path}: a site key has {LEAST_KEY} to {MOST_KEY} bytes; {make}")
    return key


class Pseudonyms:
    """Names and addresses under a key: the same name, the same pseudonym, for as long as the key is."""

    def __init__(self, key: bytes) -> None:
        self._name_key = hmac.digest(key, b"minewatch names", hashlib.sha256)
        address_key = hmac.digest(key, b"minewatch addresses", hashlib.sha256)
        self._flips = functools.lru_cache(1 << 16)(functools.partial(_flips, address_key))

    def name(self, kind: str, name: str) -> str:
        """`meter-` and 12 digits, of a meter."""
        return f"{kind}-{self._digest(f'{kind}={name}')[:12]}"

    def rehash(self, told: str) -> str:
        """The hash of a wallet or worker as it is told, under the key."""
        return f"hmac-sha256:{self._digest(told)[:16]}"

    def _digest(self, text: str) -> str:
        return hmac.digest(self._name_key, text.encode("utf-8", "replace"), hashlib.sha256).hex()

    def address(self, address: str) -> str:
        """The pseudonym of an IPv4 or IPv6 address; prefixes are preserved.  Raises ValueError."""
        known = ipaddress.ip_address(address)
        told = bytearray()
        for place, byte in enumerate(known.packed):
            told.append(byte ^ self._flips(known.version, known.packed[:place])[byte])
        return str(type(known)(bytes(told)))


def _flips(key: bytes, version: int, before: bytes) -> bytes:
    """What each value of the byte that follows `before` is flipped by.

    A bit is flipped by what the bits before it are.  These are the 255 inner nodes of a binary tree of
    eight levels, node 1 at its root, and one HMAC has a bit for each.
    """
    bits = int.from_bytes(hmac.digest(key, bytes([version]) + before, hashlib.sha256), "big")
    kept = _ways(version, before)
    masks = []
    for value in range(256):
        mask = 0
        for depth in range(8):
            node = 1 << depth | value >> (8 - depth)
            mask = mask << 1 | (0 if node in kept else bits >> node & 1)
        masks.append(mask)
    return bytes(masks)


def _ways(version: int, before: bytes) -> set[int]:
    """Nodes below `before` that lie on the way to a special network: there nothing is flipped."""
    kept = set()
    for network in map(ipaddress.ip_network, SPECIAL):
        packed, begin = network.network_address.packed, 8 * len(before)
        if network.version == version and network.prefixlen > begin and packed.startswith(before):
            for depth in range(min(8, network.prefixlen - begin)):
                kept.add(1 << depth | packed[len(before)] >> (8 - depth))
    return kept


class Privacy:
    """What is put over findings before they are told."""

    def __init__(self, key: bytes | None, pseudonymise: bool, home: Iterable[str]) -> None:
        """`home`: networks whose addresses are hosts.  Raises SettingsError for pseudonyms without a key."""
        if pseudonymise and key is None:
            raise SettingsError(
                "pseudonyms need a site key: name one with --site-key FILE, or [privacy] site_key"
            )
        self._pseudonyms = Pseudonyms(key) if key else None
        self._pseudonymise = pseudonymise
        self._home = [ipaddress.ip_network(network, strict=False) for network in home] if pseudonymise else []
        self._address = functools.lru_cache(1 << 16)(self._masked_address)
        self._hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> Privacy:
        """As the settings say.  Raises SettingsError."""
        chosen = settings.privacy
        key = site_key(chosen.site_key) if chosen.site_key else None
        return cls(key, chosen.pseudonymise, settings.findings.home_networks)

    def hidden(self, identifier: str) -> str:
        """A wallet or worker as it is told: its hash, under the key where there is one."""
        return self._pseudonyms.rehash(hashed(identifier)) if self._pseudonyms else hashed(identifier)

    def findings(self, findings: Sequence[Finding]) -> list[Finding]:
        """The findings as they may be told; themselves where nothing is to be done."""
        if self._pseudonyms is None:
            return list(findings)
        hosts = frozenset(finding.host for finding in findings if finding.kind == "ip")
        if hosts != self._hosts:
            self._hosts = hosts
            self._address.cache_clear()
        told = [self._finding(finding, self._pseudonyms) for finding in findings]
        # as `findings` does it, by the names that are told: their order says nothing of the others
        return sorted(told, key=rank)

    def sources(self, reports: Iterable[SourceReport]) -> list[SourceReport]:
        """What became of each input, without addresses of hosts in the names of files."""
        told: list[SourceReport] = _mapped(list(reports), self._text({}))
        return told

    def _finding(self, finding: Finding, pseudonyms: Pseudonyms) -> Finding:
        told: Finding = _mapped(finding, self._text(self._names(finding, pseudonyms)))
        if not self._pseudonymise:
            return told
        for item in (*told.evidence, *told.counter_evidence):
            if item.channel is not None:
                item.channel = {key: value for key, value in item.channel.items() if key not in JOINABLE}
        if finding.organisation is not None:
            told.organisation = pseudonyms.name("organisation", finding.organisation)
        if finding.allowed is not None:
            told.allowed = pseudonyms.name("rule", finding.allowed)
        if finding.kind != "ip":
            told.host = pseudonyms.name(finding.kind, finding.host)
        return told

    def _names(self, finding: Finding, pseudonyms: Pseudonyms) -> dict[str, str]:
        """Names that stand in the texts of a finding -> what stands there in their place."""
        if not self._pseudonymise:
            return {}
        evidence = (*finding.evidence, *finding.counter_evidence)
        meters = {str(item.facts["meter"]) for item in evidence if item.facts.get("meter")}
        nodes = {str(node) for item in evidence for node in item.facts.get("nodes", ())}
        names = {node: pseudonyms.name("node", node) for node in nodes}
        names |= {meter: pseudonyms.name("meter", meter) for meter in meters}
        named = (("organisation", finding.organisation), ("rule", finding.allowed))
        names |= {name: pseudonyms.name(kind, name) for kind, name in named if name}
        if finding.kind != "ip":
            names |= dict.fromkeys(
                (finding.host, clean(finding.host)), pseudonyms.name(finding.kind, finding.host)
            )
        return {name: told for name, told in names.items() if name}

    def _text(self, names: Mapping[str, str]) -> Text:
        """What is done to every text: hashes, then names, then addresses."""
        longest_first = sorted(names, key=len, reverse=True)
        among = "|".join(map(re.escape, longest_first))
        pattern = re.compile(rf"(?<!\w)(?:{among})(?!\w)") if names else None
        rehash = self._pseudonyms.rehash if self._pseudonyms else str

        def told(text: str) -> str:
            text = _HASH.sub(lambda found: rehash(found[0]), text)
            if not self._pseudonymise:
                return text
            if pattern:
                text = pattern.sub(lambda found: names[found[0]], text)
            return _ADDRESS.sub(lambda found: self._address(found[0]), text)

        return told

    def _masked_address(self, text: str) -> str:
        """The pseudonym of an address that is a host's; any other text as it is."""
        try:
            known = ipaddress.ip_address(text)
        except ValueError:
            return text
        ours = text in self._hosts or any(known in network for network in self._home)
        return self._pseudonyms.address(text) if ours and self._pseudonyms else text


def _mapped(value: Any, change: Text) -> Any:
    """A copy of `value` with every text in it changed; keys and the words of this program stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(item, change) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        names = [item.name for item in fields(value) if item.name not in _WORDS]
        return replace(value, **{name: _mapped(getattr(value, name), change) for name in names})
    return value
