"""Real power profiles, where a copy of the public data lies at hand; everything works without it.

Only sources whose licence allows derived figures are learnt from: SimBench (ODbL), UK-DALE (CC BY), a
steel works (Apache-2.0), Harvard's cluster and three small miners (MIT).  Sources whose licence nobody
has seen come from `evaluation` alone, to measure false alarms, never to fit.
Files are large tables; pandas is imported where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.simulation.power_scene import Floats

if TYPE_CHECKING:
    import pandas as pd

QUARTER_S = 900.0
MINUTE_S = 60.0
GAP_SHARE = (
    0.05  # of zeros in a day of a household from which on the day is a gap filled with 0 (26 % of REFIT)
)
ON_W = 50.0  # mean from which on a node of the cluster is switched on
MIN_NODE_SAMPLES = 240  # minutes
MIN_TRACE_S = 120


@dataclass(frozen=True, slots=True)
class Profile:
    """One real record, regular in time, from a local midnight of `weekday` (Monday 0) on for meters."""

    name: str
    family: str
    group: str  # near-duplicates share one: no split may part them
    source: str
    step_s: float
    watts: Floats  # (n,); relative to its mean for meters, watts for nodes
    weekday: int = 0


@dataclass(frozen=True, slots=True)
class LoadBank:
    meters: tuple[Profile, ...] = ()
    nodes: tuple[Profile, ...] = ()
    segments: tuple[Floats, ...] = ()  # relative residuals of a real miner at one clock, mean 0
    notes: list[str] = field(default_factory=list)  # what was not found

    @classmethod
    def load(cls, root: Path) -> LoadBank:
        """Reads what lies under `root` (the folder with `power/`); what is absent is left out and noted."""
        power, notes = root / "power", []
        found: dict[str, list[Profile]] = {}
        for kind, reader in (
            ("simbench", _simbench),
            ("houses", _houses),
            ("steel", _steel),
            ("cluster", _cluster),
        ):
            found[kind] = list(reader(power))
            if not found[kind]:
                notes.append(f"{kind}: no profile under {power.name}/")
        meters = found["simbench"] + found["houses"] + found["steel"]
        nodes = {profile.name: profile for profile in found["cluster"]}  # two files hold the same node
        return cls(tuple(meters), tuple(nodes.values()), tuple(_bitaxe(power)), notes)


def _relative(name: str, family: str, group: str, source: str, *, watts: Floats, weekday: int) -> Profile:
    days = watts[: len(watts) // 96 * 96]
    return Profile(name, family, group, source, QUARTER_S, np.maximum(days, 0) / days.mean(), weekday)


def _simbench(power: Path) -> Iterator[Profile]:
    """The year 2016 per unit of peak; its first day was a Friday."""
    import pandas as pd  # noqa: PLC0415

    path = power / "pypi__simbench" / "LoadProfile_2016_15min_pu.csv.gz"
    if not path.exists():
        return
    table = pd.read_csv(path)
    for column in (c for c in table.columns if c.endswith("_pload")):
        name = column.removesuffix("_pload")
        watts = table[column].to_numpy(float)
        if watts.mean() > 0:
            yield _relative(
                name, _family(name), f"simbench:{_kin(name)}", "SimBench 2016 (ODbL)", watts=watts, weekday=4
            )


def _family(name: str) -> str:
    """The kind of customer; G3-M and HS* look like continuous works whatever they are called."""
    if name == "G3-M" or name.startswith("HS"):
        return "continuous industry"
    starts = {
        "H0": "household",
        "G": "business",
        "L": "farm",
        "APLS": "electric vehicle",
        "HLS": "electric vehicle",
    }
    return next((family for start, family in starts.items() if name.startswith(start)), "heat pump")


def _kin(name: str) -> str:
    """Electric vehicles and heat pumps of a kind are near-duplicates (correlation 0.56-1.0)."""
    return name.split("_", maxsplit=1)[0]


def _houses(power: Path) -> Iterator[Profile]:
    house = _house(power, "UKDALE_House2")
    if house is not None:
        watts, weekday = house
        source = "UKDALE by DeviceScope (CC BY 4.0)"
        yield _relative(
            "UKDALE_House2", "household", "house:UKDALE_House2", source, watts=watts, weekday=weekday
        )


def _house(power: Path, name: str) -> tuple[Floats, int] | None:
    """Watts of a house in quarter hours and the weekday of the first; None where it does not lie there."""
    import pandas as pd  # noqa: PLC0415

    paths = sorted((power / "adrienpetralia__DeviceScope").glob(f"{name}*"))
    if not paths:
        return None
    columns = ["Time", "Aggregate"]
    frames = [pd.read_csv(p, compression="gzip", usecols=columns, parse_dates=["Time"]) for p in paths]
    return _whole_days(pd.concat(frames).drop_duplicates("Time").set_index("Time")["Aggregate"].sort_index())


def _whole_days(minutes: pd.Series) -> tuple[Floats, int]:
    """Quarter hours of the days without gaps, joined so that weekdays follow each other; first weekday."""
    quarters = minutes.resample("15min").mean()
    kept: list[Floats] = []
    first = expected = -1
    for day, values in quarters.groupby(quarters.index.normalize()):  # type: ignore[attr-defined]
        watts = values.to_numpy(float)
        gaps = np.mean(~(watts > 1e-6)) if len(watts) == 96 else 1.0
        if gaps > GAP_SHARE or expected not in (-1, day.day_of_week):
            continue
        first = day.day_of_week if first < 0 else first
        expected = (day.day_of_week + 1) % 7
        kept.append(np.nan_to_num(watts, nan=float(np.nanmean(watts))))
    return np.concatenate(kept), first


def _steel(power: Path) -> Iterator[Profile]:
    """A steel works in 2018, kWh a quarter hour; 1 January was a Monday."""
    import pandas as pd  # noqa: PLC0415

    path = power / "creators01__steel-industry-energy-dataset" / "Steel_industry_data.csv"
    if path.exists():
        watts = pd.read_csv(path)["Usage_kWh"].to_numpy(float)
        yield _relative(
            "steel", "shift industry", "steel", "steel industry (Apache-2.0)", watts=watts, weekday=0
        )


def _cluster(power: Path) -> Iterator[Profile]:
    """Nodes of a university cluster that were on, BMC watts in 10 W steps, on a grid of a minute."""
    import pandas as pd  # noqa: PLC0415

    folder = power / "fasrc__hpc_sustainability_dataset"
    for path in sorted(folder.glob("derived_*power*.csv.gz")):
        table = pd.read_csv(path)
        table = table[(table.sensor == "Sys Power") & (table.watts < 10_000)]
        table["minute"] = pd.to_datetime(table.ts).astype("datetime64[ns]").astype("int64") // 60_000_000_000
        for name, rows in table.groupby("node"):
            grid = rows.groupby("minute").watts.last()
            grid = grid.reindex(range(grid.index[0], grid.index[-1] + 1)).ffill()
            watts = grid.to_numpy(float)
            if len(watts) >= MIN_NODE_SAMPLES and watts.mean() >= ON_W:
                group = f"fasrc:{str(name).rstrip('0123456789')}"
                yield Profile(str(name), "cluster node", group, "fasrc cluster (MIT)", MINUTE_S, watts)


def _bitaxe(power: Path) -> Iterator[Floats]:
    """Residuals at one clock setting; sweeps of the clock are cut apart."""
    import pandas as pd  # noqa: PLC0415

    for path in sorted((power / "mtab3000__bitaxe-monitor").glob("multi*.csv")):
        columns = ["timestamp", "miner_name", "power_w", "frequency_mhz"]
        table = pd.read_csv(path, on_bad_lines="skip", usecols=columns)
        for _, rows in table.sort_values("timestamp").groupby("miner_name"):
            watts = pd.to_numeric(rows.power_w, errors="coerce").to_numpy(float)
            clock = pd.to_numeric(rows.frequency_mhz, errors="coerce").to_numpy(float)
            for piece in np.split(watts, np.flatnonzero(np.diff(clock)) + 1):
                steady = piece[(piece > 5) & (piece < 40)]
                if len(steady) >= 20 and steady.std() / steady.mean() < 0.012:
                    yield np.clip(steady / steady.mean() - 1, -0.05, 0.05)


def evaluation(root: Path) -> Iterator[Profile]:
    """Real benign records of sources whose licence was not seen, in watts: to measure false alarms with,
    never to fit.

    A house of REFIT (quarter hours), training on two TITAN X (grantwilkins/training_profile, 1 s means of
    both cards) and servers idle or moving files (MayaPurohit/Energy_Python, about 1 s).
    """
    power = root / "power"
    house = _house(power, "REFIT_House2")
    if house is not None:
        watts, weekday = house
        told = "REFIT by DeviceScope (evaluation only)"
        yield Profile("REFIT_House2", "household", "house:REFIT_House2", told, QUARTER_S, watts, weekday)
    for path in sorted((power / "grantwilkins__training_profile").rglob("power-trace*.csv")):
        watts = _two_cards(path)
        if len(watts) >= MIN_TRACE_S:
            yield Profile(
                path.stem, "AI training", "titanx", "training_profile (evaluation only)", 1.0, watts
            )
    for path in sorted((power / "MayaPurohit__Energy_Python").rglob("ipmi*.csv")):
        watts = _bmc(path)
        if len(watts) >= MIN_TRACE_S:
            family = "backup" if "read" in path.stem or "write" in path.stem else "idle"
            yield Profile(path.stem, family, "ipmi", "Energy_Python (evaluation only)", 1.0, watts)


def _two_cards(path: Path) -> Floats:
    """nvidia-smi rows of two cards interleave without an index; the sum of both, a second a sample."""
    import pandas as pd  # noqa: PLC0415

    table = pd.read_csv(path, skipinitialspace=True, on_bad_lines="skip")
    when = pd.to_datetime(table.iloc[:, 0], format="%Y/%m/%d %H:%M:%S.%f", errors="coerce")
    watts = pd.to_numeric(table.iloc[:, 1].astype(str).str.removesuffix(" W"), errors="coerce")
    second = watts.groupby(when.dt.floor("s")).mean()
    return 2 * second[second.notna()].to_numpy(float)


def _bmc(path: Path) -> Floats:
    """`Timestamp,Sensor,Value` with or without the header."""
    import pandas as pd  # noqa: PLC0415

    table = pd.read_csv(path, header=None, names=["time", "sensor", "value"], on_bad_lines="skip")
    watts = pd.to_numeric(table.value, errors="coerce").dropna().to_numpy(float)
    return watts[watts > 0]
