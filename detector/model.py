"""The models: arrays that score feature vectors.  No scikit-learn, no I/O but `Bundle.load`.

A model is gradient boosting, calibrated, beside an isolation forest.  The forest says how
unlike the training rows a row is (`novelty`); that is the booster's last input column and
a signal of its own, never alone a verdict.  NaN is a value: trees know where to send it.

The walk is bit-equal to scikit-learn's own raw prediction and `score_samples`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import detector
from detector import bundle
from detector.bundle import CARD, BundleError
from detector.flow_limits import FlowLimits, flow_limits
from detector.kernel.forest import Trees, flat_array
from detector.records import Scores, Vectors
from detector.reference import Reference
from detector.signing import SigningError, Trust, check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.records import Floats

NOVELTY = "novelty"
"""Name of the input column that the forest fills."""
KINDS = ("channel", "power", "fusion")
PARTS = ("booster", "forest")
LARGEST = 1e30  # forests compare in float32; anything beyond this is as far away as this
RESCORED = 1e-6  # log-odds that a reference row may move: exp and pow differ in the last bits by platform


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where verdicts begin, on the calibrated probability; `novelty` on the forest's share.  All 0..1.

    Below `clear` a host is clear, from there to `suspicious` undecided: a miner scores so low no more
    often than the manifest says.  At 1 nothing is asked, and all below `suspicious` is clear.
    """

    mining: float
    suspicious: float
    novelty: float
    clear: float = 1.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"threshold {item.name} is {value!r}, not a number from 0 to 1")
        if self.suspicious > self.mining:
            raise ValueError(f"threshold suspicious {self.suspicious} is above mining {self.mining}")


@dataclass(frozen=True, slots=True)
class Model:
    """One scorer.  n = len(names); the booster has n + 1 columns, the last is `novelty`."""

    names: tuple[str, ...]
    booster: Trees
    base: float  # raw log-odds before the first tree
    forest: Trees  # leaf values: path length in a tree, less one
    forest_scale: float  # trees times the mean path length of its samples
    fill: Floats  # (n,) training median: what the forest, which needs a value, sees for NaN
    ordinary: (
        Floats  # (q,) ascending quantiles of the anomaly of the training rows, evenly spaced from 0 to 1
    )
    slope: float  # calibration: log-odds = slope * raw + offset
    offset: float
    thresholds: Thresholds
    made_by: str = detector.__version__  # minewatch that fitted it

    def __post_init__(self) -> None:
        n = len(self.names)
        if self.booster.n_features != n + 1 or self.forest.n_features != n:
            raise ValueError(
                f"trees over {self.booster.n_features} and {self.forest.n_features} of {n} columns"
            )
        if self.fill.shape != (n,) or not np.isfinite(self.fill).all():
            raise ValueError("the fill values of the forest are not one number a column")
        if len(self.ordinary) < 2 or not (np.diff(self.ordinary) >= 0).all():  # NaN compares false
            raise ValueError("the quantiles of the forest are not ascending")
        numbers = (self.base, self.forest_scale, self.slope, self.offset)
        if not np.isfinite(numbers).all() or self.slope <= 0 or self.forest_scale <= 0:
            raise ValueError(f"calibration or scale out of range: {numbers}")

    def score(self, vectors: Vectors) -> Scores:
        """Scores of `vectors`, whose names must be the model's own, in its order.

        Raises BundleError when they are not, and says which side is old.
        """
        self.check_names(vectors.names)
        novelty = self.novelty(vectors.values)
        raw = self.booster.walk(np.column_stack([vectors.values, novelty]), self.base)
        logit = self.slope * raw + self.offset
        return Scores(sigmoid(logit), logit, novelty)

    def novelty(self, values: Floats) -> Floats:
        """Share of training rows that the forest finds more ordinary: (n rows, n) -> (n rows,), 0..1."""
        steps = np.linspace(0.0, 1.0, len(self.ordinary))
        return np.interp(self.anomaly(values), self.ordinary, steps)

    def anomaly(self, values: Floats) -> Floats:
        """The isolation forest's anomaly score (Liu et al. 2008), minus scikit-learn's `score_samples`."""
        depths = self.forest.walk(forest_input(values, self.fill), 0.0)
        with np.errstate(over="ignore"):  # only a forged forest; infinitely strange is still an answer
            score: Floats = 2 ** -(depths / self.forest_scale)
        return score

    def contributions(self, row: Floats, novelty: float | None = None) -> list[tuple[str, float]]:
        """What each column moves the calibrated log-odds of one row (n,) by, largest first.

        Path contributions (see `kernel.trees.contribute`); with `start` they sum to the log-odds.
        `novelty`: of that row, where it is known already.  The last column of the booster is named
        "novelty".  Columns that move nothing are left out.
        """
        values = np.append(row, self.novelty(row[np.newaxis, :]) if novelty is None else novelty)
        moved, _ = self.booster.contribute(values)
        named = zip((*self.names, NOVELTY), (self.slope * moved).tolist(), strict=True)
        return sorted((pair for pair in named if pair[1] != 0), key=lambda pair: -abs(pair[1]))

    @property
    def start(self) -> float:
        """Calibrated log-odds before anything is known of a row: what contributions add to."""
        roots = self.booster.value[self.booster.root]
        return float(self.slope * (self.base + roots.sum()) + self.offset)

    def check_names(self, names: Sequence[str]) -> None:
        """Raise BundleError unless `names` are the model's columns in its order."""
        if tuple(names) != self.names:
            raise BundleError(f"model and features differ: {_difference(self.names, names)}; {self._side()}")

    def _side(self) -> str:
        return bundle.which_side(self.made_by)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of the bundle's member; `from_arrays` takes them back."""
        parts = {f"booster.{name}": array for name, array in self.booster.arrays().items()}
        parts |= {f"forest.{name}": array for name, array in self.forest.arrays().items()}
        scalars = np.array([self.base, self.forest_scale, self.slope, self.offset])
        return parts | {"fill": self.fill, "ordinary": self.ordinary, "scalars": scalars}

    @classmethod
    def from_arrays(
        cls, names: tuple[str, ...], arrays: Mapping[str, NDArray[Any]], thresholds: Thresholds, made_by: str
    ) -> Model:
        """A model from what `arrays` gave.  Raises ValueError where anything is missing or out of range."""
        expected = {f"{part}.{name}" for part in PARTS for name in Trees.ARRAYS} | {
            "fill",
            "ordinary",
            "scalars",
        }
        if set(arrays) != expected:
            raise ValueError(f"arrays missing or unknown: {', '.join(sorted(set(arrays) ^ expected))!r:.200}")
        parts = {part: {name: arrays[f"{part}.{name}"] for name in Trees.ARRAYS} for part in PARTS}
        scalars = flat_array(arrays, "scalars", np.float64)
        if len(scalars) != 4:
            raise ValueError(f"{len(scalars)} scalars, not 4")
        base, scale, slope, offset = scalars.tolist()
        return cls(
            names,
            Trees.of(len(names) + 1, parts["booster"]),
            base,
            Trees.of(len(names), parts["forest"]),
            scale,
            flat_array(arrays, "fill", np.float64),
            flat_array(arrays, "ordinary", np.float64),
            slope,
            offset,
            thresholds,
            made_by,
        )


@dataclass(frozen=True, slots=True)
class Bundle:
    """Three models and what is known of how they were made.  `manifest` is the parsed document."""

    channel: Model
    power: Model
    fusion: Model
    manifest: Mapping[str, Any]
    reference: Mapping[str, Reference]  # of each model
    card: str  # Markdown

    @property
    def id(self) -> str:
        return str(self.manifest["id"])

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, which holds those of all members: names the bundle's content."""
        return str(self.manifest["digest"])

    @property
    def schema_digest(self) -> str:
        """One digest of the feature schemas of all models, for findings."""
        return schema_digest([schema_digest(self.model(kind).names) for kind in KINDS])

    @property
    def flows(self) -> FlowLimits | None:
        """From which scores on rows of flow logs accuse; None where the channel model learned from none."""
        return flow_limits(self.manifest)

    def model(self, kind: str) -> Model:
        """The model named `kind`, one of KINDS."""
        found: Model = getattr(self, kind)
        return found

    def require(self, **names: Sequence[str]) -> None:
        """Raise BundleError unless each named model takes the given columns: `require(channel=NAMES)`."""
        for kind, expected in names.items():
            self.model(kind).check_names(expected)

    @classmethod
    def load(cls, path: str | Path | None = None, trust: Trust | None = None) -> Bundle:
        """The bundle at `path` (folder or zip), None for the one that ships with the package.

        Everything is verified, the signature too where `trust` asks for one, and the reference rows are
        scored again.  Raises BundleError with one line; SigningError, OSError for the key of `trust`.
        """
        place = Path(path) if path is not None else bundle.DEFAULT
        return cls.from_members(bundle.read(place), str(place), trust)

    @classmethod
    def from_members(cls, members: Mapping[str, bytes], where: str, trust: Trust | None = None) -> Bundle:
        """The bundle whose members are given by name; `where` opens every message."""
        try:
            manifest = bundle.verify(members)
            if trust is not None:
                check(members, manifest, trust)
            models = {kind: _model(kind, manifest, members) for kind in KINDS}
            flow_limits(manifest)
            arrays = bundle.read_arrays(members["reference.npz"], "reference.npz")
            reference = {kind: _rescored(kind, models[kind], arrays) for kind in KINDS}
            card = members[CARD].decode()
            return cls(**models, manifest=manifest, reference=reference, card=card)
        except SigningError:
            raise
        except (BundleError, ValueError, KeyError, TypeError, MemoryError, RecursionError) as error:
            told = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
            raise BundleError(f"{where}: {told}") from error


def sigmoid(logit: Floats) -> Floats:
    """1 / (1 + exp(-logit)), without overflow."""
    with np.errstate(over="ignore"):
        out: Floats = 1.0 / (1.0 + np.exp(-logit))
    return out


def schema_digest(names: Sequence[str]) -> str:
    """SHA-256 of an ordered list of names."""
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()


def forest_input(values: Floats, fill: Floats) -> Floats:
    """What the isolation forest sees: NaN filled, extremes cut, rounded to float32; (n, F) float64."""
    filled = np.where(np.isnan(values), fill, values)
    return np.clip(filled, -LARGEST, LARGEST).astype(np.float32).astype(np.float64)


def _model(kind: str, manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> Model:
    about = manifest["models"][kind]
    names = tuple(about["features"])
    if about["schema_digest"] != schema_digest(names):
        raise BundleError(f"manifest.json: {kind}: the schema digest is not that of its features")
    thresholds = Thresholds(**about["thresholds"])
    member = f"{kind}.npz"
    try:
        arrays = bundle.read_arrays(members[member], member)
        return Model.from_arrays(names, arrays, thresholds, manifest["libraries"]["minewatch"])
    except ValueError as error:
        raise BundleError(f"{member}: {error}") from error


def _rescored(kind: str, model: Model, arrays: Mapping[str, NDArray[Any]]) -> Reference:
    """The reference rows, scored again and compared: the last guard against a wrong build or platform."""
    try:
        reference = Reference.from_arrays(kind, arrays, len(model.names))
        told = flat_array(arrays, f"{kind}.logit", np.float64)
    except ValueError as error:
        raise BundleError(f"reference.npz: {error}") from error
    if len(told) != len(reference.rows):
        raise BundleError(f"reference.npz: {kind} has no rows of {len(model.names)} columns with scores")
    found = model.score(Vectors(model.names, reference.rows))
    worst = float(np.max(np.abs(found.logit - told)))
    if not worst <= RESCORED:
        raise BundleError(f"reference.npz: {kind} rows score {worst:.3g} log-odds away from what they did")
    return reference


def _difference(ours: Sequence[str], theirs: Sequence[str]) -> str:
    lacking = [name for name in ours if name not in set(theirs)]
    unknown = [name for name in theirs if name not in set(ours)]
    if lacking:
        return f"{len(lacking)} columns of the model are not computed (first: {lacking[0]!r})"
    if unknown:
        return f"{len(unknown)} columns are unknown to the model (first: {unknown[0]!r})"
    return "the order of the columns"
