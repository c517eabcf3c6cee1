"""Which end of a channel is the host that is judged, and what the asset map says of it.

A host is an address in the home networks (where a channel has no home end, the client),
or a meter, outlet, node or GPU.  The asset map joins them: one asset, one finding.
"""

from __future__ import annotations

import difflib
import gc
import ipaddress
import math
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from detector.owners import ALWAYS, Lease, LeaseError, Owners
from detector.records import ChannelWindows
from detector.tables import Table, TableError
from detector.tables import number as decimal
from detector.text import moment

if TYPE_CHECKING:
    from detector.records import UInt64s

FIELDS = (
    "asset", "organisation", "ip", "meter", "outlet", "node",
    "contract_kw", "role", "allowed_mining", "feeder", "start", "end",
)  # fmt: skip
POWER_FIELDS = ("meter", "outlet", "node")
_ADDRESS = struct.Struct(">2Q")
_MAPPED = 0xFFFF_0000_0000
_PLAIN_V4 = re.compile(r"(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})", re.ASCII)
_MAX_BYTES = 64 * 1024 * 1024


class NetworkError(ValueError):
    """A home network is none; one line that names it."""


class AssetsError(ValueError):
    """The asset map cannot be read: one line with file, line and what is wrong."""


def text(address: Sequence[int] | UInt64s) -> str:
    """The usual spelling of a 128-bit address given as (high, low)."""
    high, low = int(address[0]), int(address[1])
    if high == 0 and low >> 32 == 0xFFFF:
        return f"{low >> 24 & 255}.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"
    if high == 0:  # where the C library would write the last 32 bits as of IPv4
        return str(ipaddress.IPv6Address(low))
    from socket import AF_INET6, inet_ntop  # noqa: PLC0415  takes 3 ms, and only IPv6 needs it

    return inet_ntop(AF_INET6, _ADDRESS.pack(high, low))  # as `ipaddress` does it, in a tenth of the time


def words(name: str) -> tuple[int, int]:
    """The 128-bit address of a spelling as (high, low); IPv4 mapped.  Raises ValueError."""
    if _PLAIN_V4.fullmatch(name):  # most are; `ipaddress` takes twenty times as long
        a, b, c, d = map(int, name.split("."))
        if max(a, b, c, d) < 256:
            return 0, _MAPPED | a << 24 | b << 16 | c << 8 | d
    address = ipaddress.ip_address(name)
    number = int(address) | (_MAPPED if address.version == 4 else 0)
    return number >> 64, number & (2**64 - 1)


class HomeNetworks:
    """Tells home addresses from others, for whole columns at once."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Raises NetworkError."""
        # (mask, network) of the high words -> those of the low words
        self._masks: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for name in networks:
            try:
                net = ipaddress.ip_network(name, strict=False)
            except ValueError as error:
                raise NetworkError(
                    f"{name!r} is no network: give it as 10.0.0.0/8 or 2001:db8::/32"
                ) from error
            mask, base = int(net.netmask), int(net.network_address)
            if net.version == 4:
                mask, base = mask | (2**96 - 1) << 32, base | _MAPPED
            halves = self._masks.setdefault((mask >> 64, base >> 64), [])
            halves.append((mask & (2**64 - 1), base & (2**64 - 1)))

    def contains(self, addresses: UInt64s) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(n, 2) addresses -> (n,) bool."""
        high, low = np.ascontiguousarray(addresses.T)
        inside = np.zeros(len(addresses), np.bool_)
        for (mask_high, base_high), halves in self._masks.items():
            same = (high & np.uint64(mask_high)) == np.uint64(base_high)
            if same.any():
                for mask_low, base_low in halves:
                    inside |= same & ((low & np.uint64(mask_low)) == np.uint64(base_low))
        return inside


def are_hosts(addresses: UInt64s) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n, 2) addresses -> (n,) bool: neither multicast (RFC 5771, RFC 4291 2.7) nor the limited broadcast
    nor unspecified (RFC 1122 3.2.1.3)."""
    high, low = np.ascontiguousarray(addresses.T)
    v4 = (high == 0) & (low >> np.uint64(32) == np.uint64(0xFFFF))
    number = low & np.uint64(0xFFFF_FFFF)
    v4_group = (number >> np.uint64(28) == 0xE) | (number == 0xFFFF_FFFF) | (number == 0)
    v6_group = (high >> np.uint64(56) == 0xFF) | ((high == 0) & (low == 0))
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = ~np.where(v4, v4_group, v6_group)
    return found


@dataclass(slots=True)
class Ends:
    """Host and remote address of every row, and whether the host is the client."""

    host: UInt64s  # (n, 2)
    remote: UInt64s  # (n, 2)
    is_client: np.ndarray[tuple[int], np.dtype[np.bool_]]  # (n,)


def ends(windows: ChannelWindows, home: HomeNetworks) -> Ends:
    """The client is the host, unless only the server is at home, or the client is no host at all."""
    is_client = client_is_host(windows.client, windows.server, home)
    pick = is_client[:, None]
    return Ends(
        host=np.where(pick, windows.client, windows.server),
        remote=np.where(pick, windows.server, windows.client),
        is_client=is_client,
    )


def client_is_host(
    client: UInt64s, server: UInt64s, home: HomeNetworks
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n, 2) addresses of both ends -> (n,) bool: whether the client is the end that is judged."""
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = home.contains(client) | ~home.contains(server)
    return found & are_hosts(client)


@dataclass(frozen=True, slots=True)
class Asset:
    """One line of the asset map."""

    asset: str
    organisation: str | None = None
    contract_kw: float | None = None
    role: str | None = None
    allowed_mining: bool = False
    feeder: str | None = None  # name of the meter that measures the feeder of its meters


@dataclass(slots=True)
class Assets:
    """Addresses and meters joined to assets."""

    by_ip: dict[str, Asset] = field(default_factory=dict)  # by the address under which it is counted
    by_meter: dict[str, Asset] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)

    def meter_to_ip(self) -> dict[str, str]:
        """Meter, outlet or node -> the address under which its asset is counted."""
        counted: dict[str, str] = {}
        for ip, asset in self.by_ip.items():
            counted.setdefault(asset.asset, ip)
        return {m: counted[a.asset] for m, a in self.by_meter.items() if a.asset in counted}

    def meter_to_feeder(self) -> dict[str, str]:
        """Meter -> the meter of its feeder, where one is named; nothing feeds itself."""
        named = {m: a.feeder for m, a in self.by_meter.items() if a.feeder}
        return {meter: feeder for meter, feeder in named.items() if feeder != meter}


def read_assets(path: str) -> Assets:
    """Read `assets.csv` (columns FIELDS; all but `asset` may be empty or absent).  Raises AssetsError.

    A line with `start` and `end` (RFC 3339; either may be empty) lends its address for that time.
    """
    collecting = gc.isenabled()
    gc.disable()  # else its passes over half a million assets take four fifths of the time
    try:
        return _read(path, Table(path, _MAX_BYTES, "asset map"))
    except TableError as error:
        raise AssetsError(str(error)) from error
    finally:
        if collecting:
            gc.enable()


def _read(path: str, table: Table) -> Assets:
    rows = iter(table)
    names = [name.strip() for name in next(rows, [])]
    _check_header(path, names)
    assets, leases, lines = Assets(), list[Lease](), dict[str, int]()
    named: dict[str, Asset] = {}
    for row in rows:
        if not row:
            continue
        where = f"{path}: line {table.line}"
        cell = _cells(names, row, where)
        asset = _asset(cell, where)
        if cell["ip"]:
            leases.append(_lease(cell, where, table.line))
            named[asset.asset] = asset
        for meter in filter(None, (cell[name] for name in POWER_FIELDS)):
            known = assets.by_meter.setdefault(meter, asset)
            if known.asset != asset.asset:
                told = f"{meter!r} belongs to {known.asset!r} already (line {lines[meter]})"
                raise AssetsError(f"{where}: {told}")
            assets.by_meter[meter] = asset
            lines.setdefault(meter, table.line)
    return _with_owners(assets, leases, named, path)


def _with_owners(assets: Assets, leases: list[Lease], named: dict[str, Asset], path: str) -> Assets:
    """The map with every address counted under that of its asset."""
    try:
        owners = Owners.among(leases)
    except LeaseError as error:
        known, fresh = error.args
        told = f"{text(fresh.address)} belongs to {known.asset!r:.80} already (line {known.line})"
        raise AssetsError(f"{path}: line {fresh.line}: {told}") from error
    by_ip = {text(address): named[name] for name, address in owners.counted.items()}
    return replace(assets, by_ip=by_ip, owners=owners)


def _check_header(path: str, names: Sequence[str]) -> None:
    for name in names:
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(FIELDS)}"
            raise AssetsError(f"{path}: line 1: unknown column {name!r:.80}; {hint}")
    if "asset" not in names:
        raise AssetsError(f"{path}: line 1: no column 'asset'; known: {', '.join(FIELDS)}")


def _cells(names: Sequence[str], row: Sequence[str], where: str) -> dict[str, str]:
    if len(row) > len(names):
        raise AssetsError(f"{where}: more cells than the header")
    cell = dict.fromkeys(FIELDS, "")
    cell.update(zip(names, map(str.strip, row), strict=False))
    if not cell["asset"]:
        raise AssetsError(f"{where}: empty 'asset'")
    return cell


def _asset(cell: dict[str, str], where: str) -> Asset:
    return Asset(
        asset=cell["asset"],
        organisation=cell["organisation"] or None,
        contract_kw=_number(cell["contract_kw"], where),
        role=cell["role"] or None,
        allowed_mining=_flag(cell["allowed_mining"], where),
        feeder=cell["feeder"] or None,
    )


def _lease(cell: dict[str, str], where: str, line: int) -> Lease:
    try:
        address = words(cell["ip"])
    except ValueError as error:
        raise AssetsError(f"{where}: {error!s:.120}") from error
    times = [_moment(cell[name], f"{where}: {name}") for name in ("start", "end")]
    start, end = (told if told is not None else always for told, always in zip(times, ALWAYS, strict=True))
    if start >= end:
        raise AssetsError(f"{where}: start is not before end")
    return Lease(cell["asset"], address, start, end, line)


def _moment(value: str, where: str) -> int | None:
    try:
        return moment(value) if value else None
    except ValueError as error:
        raise AssetsError(f"{where} {error}") from error


def _number(value: str, where: str) -> float | None:
    if not value:
        return None
    try:
        number = decimal(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise AssetsError(f"{where}: contract_kw {value!r:.80} is no number of kW")
    return number


def _flag(value: str, where: str) -> bool:
    known = {"": False, "no": False, "false": False, "0": False, "yes": True, "true": True, "1": True}
    if value.lower() not in known:
        raise AssetsError(f"{where}: allowed_mining {value!r:.80} is neither yes nor no")
    return known[value.lower()]
