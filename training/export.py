"""scikit-learn estimators to arrays, and models to a bundle.

Private attributes of scikit-learn are read here and nowhere else; the tests compare every
exported forest with the estimator it came from, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import detector
from detector import bundle
from detector.kernel.forest import Trees
from detector.model import KINDS, Bundle, Model, schema_digest
from detector.records import Vectors
from detector.reference import Reference
from detector.signing import sign
from training.binning import to_values

Floats = NDArray[np.float64]
Arrays = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A model as it goes into a bundle: `about` is what the manifest says beside names and thresholds
    (budget, metrics, seed, simulated share); `reference` is of its training rows."""

    model: Model
    about: Mapping[str, Any]
    reference: Reference


def booster(estimator: Any, edges: list[Floats] | None = None) -> tuple[Trees, float]:
    """Trees and base of a fitted binary HistGradientBoostingClassifier without categorical columns.

    `edges` where it was fitted on `binning.bin_numbers`: the trees then compare values.  Inner nodes
    get the mean of the training rows below them, for contributions; predictions read leaves only.
    """
    if estimator.n_trees_per_iteration_ != 1:
        raise ValueError("only two classes can be exported")
    parts = []
    for (predictor,) in estimator._predictors:
        nodes = predictor.nodes
        if nodes["is_categorical"].any():
            raise ValueError("categorical columns cannot be exported")
        leaf = nodes["is_leaf"].astype(bool)
        value = _means(nodes["value"], nodes["count"], nodes["left"], nodes["right"], leaf)
        left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)  # were unsigned
        children = np.where(leaf, -1, left), np.where(leaf, -1, right)
        missing = nodes["missing_go_to_left"]
        threshold = nodes["num_threshold"].astype(np.float64)
        if edges is not None:
            threshold[~leaf] = to_values(threshold[~leaf], nodes["feature_idx"][~leaf], edges)
        parts.append(_tree(nodes["feature_idx"], threshold, children, missing, value))
    return _joined(estimator.n_features_in_, parts), float(estimator._baseline_prediction.item())


def forest(estimator: Any) -> tuple[Trees, float]:
    """Trees and scale of a fitted IsolationForest: `-2 ** -(walk / scale)` is its `score_samples`."""
    parts = []
    for fitted, columns in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        tree = fitted.tree_
        leaf = tree.children_left < 0
        # (depth + 1) + c(n) - 1, in this order: what scikit-learn adds up (ensemble/_iforest.py)
        value = _depths(tree, leaf) + path_length(tree.n_node_samples) - 1.0
        feature = np.asarray(columns)[np.where(leaf, 0, tree.feature)]
        children = tree.children_left, tree.children_right
        parts.append(_tree(feature, tree.threshold, children, np.zeros(len(leaf)), value))
    scale = len(parts) * float(path_length(np.array([estimator._max_samples]))[0])
    return _joined(estimator.n_features_in_, parts), scale


def path_length(n: NDArray[Any]) -> Floats:
    """Mean path length of an unsuccessful search among n samples (Liu et al. 2008, equation 1)."""
    size = np.maximum(n, 3)
    long = 2.0 * (np.log(size - 1.0) + np.euler_gamma) - 2.0 * (size - 1.0) / size
    return np.where(n <= 1, 0.0, np.where(n == 2, 1.0, long))


def save_bundle(
    path: str | Path,
    entries: Mapping[str, Entry],
    *,
    identity: str,
    created: str,
    card: str,
    training_data: list[Mapping[str, Any]],
    notes: Mapping[str, Any] | None = None,
    key: Path | None = None,
) -> Bundle:
    """Write the bundle of the three models and return it as loaded back from its bytes.

    `created` is given, never read from a clock.  `training_data`: one object a source with at least
    name, sha256, rows, simulated.  key: PEM that signs it.  The same inputs give the same bytes.
    Raises ValueError (SigningError for the key), OSError.
    """
    if set(entries) != set(KINDS):
        raise ValueError(f"a bundle holds {', '.join(KINDS)}, not {', '.join(sorted(entries))}")
    members = {f"{kind}.npz": bundle.write_arrays(entries[kind].model.arrays()) for kind in KINDS}
    members["reference.npz"] = bundle.write_arrays(_reference(entries))
    members["model_card.md"] = card.encode()
    manifest = {
        "id": identity,
        "created": created,
        "libraries": libraries(),
        "training_data": list(training_data),
        "models": {kind: _about(entries[kind]) for kind in KINDS},
        "notes": dict(notes or {}),
    }
    sealed = bundle.seal(manifest, members)
    if key is not None:
        sealed = sign(sealed, key)
    loaded = Bundle.from_members(sealed, str(path))  # nothing is written that cannot be read
    bundle.write(Path(path), sealed)
    return loaded


def entry_of(loaded: Bundle, kind: str) -> Entry:
    """A model of a bundle as an entry for the next one: what `train` keeps when it has no rows for it."""
    about = {
        key: value
        for key, value in loaded.manifest["models"][kind].items()
        if key not in ("features", "schema_digest", "thresholds")
    }
    return Entry(loaded.model(kind), about, loaded.reference[kind])


def libraries() -> dict[str, str]:
    """Versions of what fitted the models."""
    import sklearn  # noqa: PLC0415  (heavy)

    return {"minewatch": detector.__version__, "numpy": np.__version__, "scikit-learn": sklearn.__version__}


def _about(entry: Entry) -> dict[str, Any]:
    limits = entry.model.thresholds
    return dict(entry.about) | {
        "features": list(entry.model.names),
        "schema_digest": schema_digest(entry.model.names),
        "thresholds": asdict(limits),
    }


def _reference(entries: Mapping[str, Entry]) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for kind, entry in entries.items():
        arrays |= entry.reference.arrays(kind)
        scored = entry.model.score(Vectors(entry.model.names, entry.reference.rows))
        arrays[f"{kind}.logit"] = scored.logit
    return arrays


def _tree(feature: Any, threshold: Any, children: tuple[Any, Any], missing_left: Any, value: Any) -> Arrays:
    """One tree in the layout of `kernel.trees`: `children` (left, right) are negative at leaves, which
    become their own children."""
    left, right = children
    leaf = left < 0
    own = np.arange(len(leaf))
    flat = np.empty(2 * len(leaf), np.int64)
    flat[0::2], flat[1::2] = np.where(leaf, own, right), np.where(leaf, own, left)
    return {
        "feature": np.where(leaf, 0, feature).astype(np.int32),
        "threshold": np.where(leaf, 0.0, threshold).astype(np.float64),
        "children": flat,
        "missing_left": np.where(leaf, 0, missing_left).astype(np.uint8),
        "value": np.asarray(value, np.float64),
    }


def _joined(n_features: int, parts: list[Arrays]) -> Trees:
    sizes = [len(part["feature"]) for part in parts]
    root = np.cumsum([0, *sizes[:-1]])
    for part, start in zip(parts, root, strict=True):
        part["children"] = (part["children"] + start).astype(np.int32)
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Trees.of(n_features, arrays | {"root": root.astype(np.int32)})


def _means(value: Floats, count: NDArray[Any], left: Any, right: Any, leaf: Any) -> Floats:
    """Leaf values as they are, inner nodes the mean of their children, weighted by training rows."""
    out = value.astype(np.float64).copy()
    for i in np.flatnonzero(~leaf)[::-1]:  # children come after their parents
        a, b = left[i], right[i]
        out[i] = (out[a] * count[a] + out[b] * count[b]) / (float(count[a]) + float(count[b]))
    return out


def _depths(tree: Any, leaf: NDArray[np.bool_]) -> Floats:
    """Nodes on the way to each node, itself included (root 1)."""
    depth = np.ones(len(leaf))
    for i in np.flatnonzero(~leaf):  # parents come before their children
        depth[tree.children_left[i]] = depth[tree.children_right[i]] = depth[i] + 1
    return depth
