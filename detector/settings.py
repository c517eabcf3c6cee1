"""One frozen settings object a room, with the reason for each default.

`load(path)` reads them from TOML: one table a room, keys as the fields below.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from detector.text import grouped

PRIVATE_NETWORKS = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
)
TUNNELS = ("gre", "ipip", "6in4", "erspan", "vxlan", "geneve", "gtp", "teredo", "l2tp", "l2tpv3")
CO2E_SOURCE = "world mean of 2024 generation, Ember Global Electricity Review 2025"
YEAR_S = 31_622_400
MOST_BYTES = 16 << 20  # of a file; a device has no end


def ranged(default: Any, least: float, most: float) -> Any:
    """A field with its default, and the smallest and largest value that a file may give it."""
    return field(default=default, metadata={"range": (least, most)})


class SettingsError(ValueError):
    """A settings file says something that no setting means."""


@dataclass(frozen=True, slots=True)
class InputSettings:
    """Compressed inputs: where unpacking stops."""

    unpacked_ratio: int = ranged(250, 1, 1_000_000)  # captures reach 50, tables of readings 30
    unpacked_free_mib: int = ranged(64, 1, 1_048_576)  # unpacked, before the ratio counts
    unpacked_gib: int = ranged(1_024, 1, 1_048_576)  # a day of a link that is 100 Mbit/s busy
    unpack_mib: int = ranged(128, 1, 2_048)  # memory for a window: zstd's own default; xz -9 needs 65


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """Kernel: packets to channel windows."""

    window_s: int = ranged(
        300, 1, 3_600
    )  # almost everything is known after 5 to 10 minutes (behaviour spike)
    lateness_s: int = ranged(
        60, 1, 86_400
    )  # packets this much older than the newest still find their window open
    idle_s: int = ranged(3_600, 1, YEAR_S)  # a connection or channel silent for so long is forgotten
    max_connections: int = ranged(1_000_000, 64, 50_000_000)  # about 128 MB of connection state
    payload_bytes: int = ranged(
        262_144, 1, 16_777_215
    )  # for the dissectors, a connection, direction and window
    # Who speaks inside is what matters.  l2tpv3 is left out: its header does not say how long it is.
    tunnels: tuple[str, ...] = TUNNELS[:-1]
    tunnel_depth: int = ranged(
        4, 1, 16
    )  # in one another; deeper than any network that works, cheap to follow

    def __post_init__(self) -> None:
        refuse_unknown(dict.fromkeys(self.tunnels), TUNNELS, "tunnels")


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """Windows: rows rolled up per channel before they are judged."""

    span_windows: int = ranged(
        12, 1, 10_000
    )  # an hour of 300 s windows; the span before it is kept beside it
    power_fast_s: int = ranged(300, 1, 86_400)  # window of readings denser than every 5 minutes
    power_slow_s: int = ranged(3_600, 1, 86_400)  # window of 5-minute to hourly readings

    def __post_init__(self) -> None:
        if self.power_fast_s > self.power_slow_s:
            raise SettingsError(
                f"power_fast_s ({self.power_fast_s}) must not be above power_slow_s ({self.power_slow_s})"
            )


@dataclass(frozen=True, slots=True)
class FindingSettings:
    """Findings: what is judged and how it is told."""

    home_networks: tuple[str, ...] = PRIVATE_NETWORKS
    min_messages: int = ranged(6, 1, 1_000_000)  # fewer cannot be told from anything else (behaviour spike)
    show_identifiers: bool = False  # wallets and workers in the clear
    pools: str = ""  # file of names of mining pools; empty = the shipped list
    block_times: str = ""  # file of times at which a node heard of blocks; empty = none are known
    max_evidence: int = ranged(8, 1, 1_000)  # a host; the heaviest stay
    half_life_h: float = ranged(
        168.0, 0.01, 1_000_000
    )  # of log-odds in silence: a weekend's rest is little, a month's leaves a tenth
    co2e_kg_per_kwh: float = ranged(0.473, 0, 100)  # CO2E_SOURCE


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """Privacy: how identifiers are told."""

    site_key: str = ""  # file of a secret; hashes of wallets and workers are made with it
    pseudonymise: bool = False  # hosts, meters and organisations under pseudonyms of that key


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Model: which bundles are accepted.  Empty = not asked for."""

    public_key: str = ""  # PEM file of an Ed25519 key; a bundle that it did not sign is refused
    oldest: str = ""  # date; a signed bundle that was created earlier is refused


@dataclass(frozen=True, slots=True)
class Settings:
    """Every room's settings."""

    inputs: InputSettings = field(default_factory=InputSettings)
    meter: MeterSettings = field(default_factory=MeterSettings)
    windows: WindowSettings = field(default_factory=WindowSettings)
    findings: FindingSettings = field(default_factory=FindingSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    model: ModelSettings = field(default_factory=ModelSettings)


def load(path: str | Path) -> Settings:
    """Settings from a TOML file.  Raises SettingsError with the key at fault and the nearest known one."""
    return from_table(read_table(path), str(path))


def read_table(path: str | Path) -> dict[str, Any]:
    """A TOML file, parsed.  Raises SettingsError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise SettingsError(f"{path}: larger than {MOST_BYTES >> 20} MiB; this is no file of settings")
        return tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: nested too deeply") from error
    except SettingsError:
        raise
    except ValueError as error:  # Python's own, of a number with thousands of digits
        raise SettingsError(f"{path}: a number is longer than any setting") from error


def from_table(table: dict[str, Any], where: str) -> Settings:
    """Settings from parsed TOML; unknown tables and keys are errors."""
    rooms = {item.name: item.default_factory for item in fields(Settings)}
    refuse_unknown(table, rooms, where)
    chosen = {name: room(rooms[name], value, f"{where}: [{name}]") for name, value in table.items()}
    return Settings(**chosen)


def room(kind: Any, value: Any, where: str) -> Any:
    """The settings dataclass `kind` from a parsed TOML table.  Raises SettingsError."""
    if not isinstance(value, dict):
        raise SettingsError(f"{where} must be a table")
    known = {item.name: item for item in fields(kind)}
    refuse_unknown(value, known, where)
    chosen = {key: _typed(item, known[key], f"{where} {key}") for key, item in value.items()}
    try:
        return kind(**chosen)
    except SettingsError as error:
        raise SettingsError(f"{where} {error}") from error


def _typed(value: Any, asked: Field[Any], where: str) -> Any:
    """`value`, when it is of the default's type and in its range; a list for a tuple."""
    kind = type(asked.default)
    if "range" in asked.metadata:
        return _number(value, kind, asked.metadata["range"], where)
    if kind is tuple and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if type(value) is not kind or kind is tuple:
        wanted = {bool: "true or false", str: "a text", tuple: "a list of texts"}[kind]
        raise SettingsError(f"{where} must be {wanted}, not {value!r:.40}")
    return value


def _number(value: Any, kind: type, allowed: tuple[float, float], where: str) -> Any:
    """Raises SettingsError that says what is allowed; NaN lies in no range."""
    number = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
    if not (number and allowed[0] <= value <= allowed[1]):
        what = "a whole number" if kind is int else "a number"
        raise SettingsError(
            f"{where} must be {what} from {grouped(allowed[0])} to {grouped(allowed[1])}, not {value!r:.40}"
        )
    return kind(value)


def refuse_unknown(table: dict[str, Any], known: Any, where: str) -> None:
    """Raises SettingsError for a key that is not in `known`, naming the nearest one that is."""
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, list(known), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}"
            raise SettingsError(f"{where}: unknown key {key!r}{hint}")
