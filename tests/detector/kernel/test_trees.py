"""The tree walk against scikit-learn's own predictions, by hand, and against arrays that lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from detector.kernel.forest import Trees
from training import export
from training.binning import bin_numbers, edges_of

COLUMNS = 7


def draw(n: int, seed: int, missing: float = 0.15) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, COLUMNS)) * 10.0 ** rng.integers(-3, 4, COLUMNS)
    values[:, 2] = rng.integers(0, 4, n)  # few distinct values
    values[rng.random(values.shape) < missing] = np.nan
    return values


def boosted(seed: int = 1) -> tuple[HistGradientBoostingClassifier, np.ndarray]:
    values = draw(1500, seed)
    labels = np.nan_to_num(values[:, 0]) + np.isnan(values[:, 1]) + values[:, 2] > 1
    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=16, random_state=seed)
    return model.fit(values, labels), values


@pytest.fixture(scope="module")
def booster() -> HistGradientBoostingClassifier:
    return boosted()[0]


@pytest.fixture(scope="module")
def forest() -> IsolationForest:
    return IsolationForest(n_estimators=40, max_samples=200, random_state=2).fit(draw(900, 2, missing=0.0))


def stump(**changed: object) -> dict[str, np.ndarray]:
    """x0 <= 1.5 or missing: 2, else 3."""
    arrays = {
        "feature": np.array([0, 0, 0], np.int32),
        "threshold": np.array([1.5, 0, 0], np.float64),
        "children": np.array([2, 1, 1, 1, 2, 2], np.int32),
        "missing_left": np.array([1, 0, 0], np.uint8),
        "value": np.array([2.25, 2.0, 3.0], np.float64),
        "root": np.array([0], np.int32),
    }
    return arrays | changed  # type: ignore[operator]


def test_stump_by_hand() -> None:
    trees = Trees.of(1, stump())
    rows = np.array([[1.0], [1.5], [np.nextafter(1.5, 2)], [np.nan], [np.inf], [-np.inf], [2.0]])
    assert trees.walk(rows, 10.0).tolist() == [12, 12, 13, 12, 13, 12, 13]
    assert trees.depth.tolist() == [1]
    moved, start = trees.contribute(np.array([9.0]))
    assert (moved.tolist(), start) == ([0.75], 2.25)


def test_missing_goes_right_where_told() -> None:
    trees = Trees.of(1, stump(missing_left=np.zeros(3, np.uint8)))
    assert trees.walk(np.array([[np.nan]]), 0.0).tolist() == [3.0]


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 33, 256, 1000])
def test_boosting_is_bit_equal(booster: HistGradientBoostingClassifier, rows: int) -> None:
    trees, base = export.booster(booster)
    values = draw(max(rows, 1), 7 + rows)[:rows]
    expected = booster.decision_function(values) if rows else np.empty(0)
    np.testing.assert_array_equal(trees.walk(values, base), expected)


@pytest.mark.parametrize("rows", [1, 33, 1000])
def test_forest_is_bit_equal(forest: IsolationForest, rows: int) -> None:
    trees, scale = export.forest(forest)
    values = draw(rows, 70 + rows, missing=0.0)
    seen = values.astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(-(2 ** -(trees.walk(seen, 0.0) / scale)), forest.score_samples(values))


def test_forest_of_few_and_equal_rows_is_bit_equal() -> None:
    """Leaves with one, two and many samples: the three cases of the mean path length."""
    values = np.repeat(draw(4, 3, missing=0.0), [1, 2, 3, 40], axis=0)
    fitted = IsolationForest(n_estimators=20, random_state=1).fit(values)
    trees, scale = export.forest(fitted)
    seen = values.astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(-(2 ** -(trees.walk(seen, 0.0) / scale)), fitted.score_samples(values))


def test_missing_values_unseen_in_training() -> None:
    values = draw(400, 5, missing=0.0)
    fitted = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(values, values[:, 0] > 0)
    trees, base = export.booster(fitted)
    unseen = draw(300, 6, missing=0.5)
    np.testing.assert_array_equal(trees.walk(unseen, base), fitted.decision_function(unseen))


def test_boosting_on_bins_compares_values() -> None:
    """Fitted on bin numbers, exported on values: the same as scikit-learn on the bin numbers of any row."""
    _, values = boosted()
    values[::97, 3] = np.inf
    values[::89, 3] = -np.inf
    edges = edges_of(values)
    labels = np.nan_to_num(values[:, 0]) > values[:, 2] - 1
    fitted = HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(
        bin_numbers(values, edges), labels
    )
    trees, base = export.booster(fitted, edges)
    at_edges = [[edge[0] if len(edge) else 0.0 for edge in edges]]
    fresh = np.vstack([draw(600, 11), values, at_edges])
    expected = fitted.decision_function(bin_numbers(fresh, edges))
    np.testing.assert_array_equal(trees.walk(fresh, base), expected)


def test_contributions_sum_to_the_prediction(booster: HistGradientBoostingClassifier) -> None:
    trees, base = export.booster(booster)
    for row in draw(20, 13):
        moved, start = trees.contribute(row)
        np.testing.assert_allclose(base + start + moved.sum(), trees.walk(row[None], base)[0], atol=1e-10)


def test_categorical_and_many_classes_are_refused() -> None:
    values = np.random.default_rng(0).integers(0, 4, (200, 2)).astype(float)
    categorical = HistGradientBoostingClassifier(max_iter=3, categorical_features=[0, 1], min_samples_leaf=2)
    with pytest.raises(ValueError, match="categorical"):
        export.booster(categorical.fit(values, values[:, 0] % 2))
    with pytest.raises(ValueError, match="two classes"):
        export.booster(HistGradientBoostingClassifier(max_iter=3).fit(values, values[:, 0]))


LIES = {
    "child outside": {"children": np.array([3, 1, 1, 1, 2, 2], np.int32)},
    "child negative": {"children": np.array([-1, 1, 1, 1, 2, 2], np.int32)},
    "loop": {"children": np.array([2, 1, 0, 0, 2, 2], np.int32)},
    "half a leaf": {"children": np.array([2, 1, 1, 2, 2, 2], np.int32)},
    "feature outside": {"feature": np.array([1, 0, 0], np.int32)},
    "feature negative": {"feature": np.array([-1, 0, 0], np.int32)},
    "feature of a leaf": {"feature": np.array([0, 0, 5], np.int32)},
    "threshold NaN": {"threshold": np.array([np.nan, 0, 0])},
    "value NaN": {"value": np.array([0, np.nan, 0])},
    "value infinite": {"value": np.array([0, 0, np.inf])},
    "missing neither": {"missing_left": np.array([2, 0, 0], np.uint8)},
    "root outside": {"root": np.array([3], np.int32)},
    "root negative": {"root": np.array([-1], np.int32)},
    "no tree": {"root": np.array([], np.int32)},
    "short": {"value": np.array([0.0, 0.0])},
    "wrong type": {"feature": np.array([0, 0, 0], np.int64)},
    "two dimensions": {"value": np.zeros((3, 1))},
}


@pytest.mark.parametrize("lie", LIES)
def test_arrays_that_lie_are_refused(lie: str) -> None:
    with pytest.raises(ValueError):
        Trees.of(1, stump(**LIES[lie]))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_children_are_refused_or_walked_to_an_end(data: st.DataObject) -> None:
    nodes = data.draw(st.integers(1, 6))
    number = st.integers(-2, nodes + 1)
    arrays = {
        "feature": np.array(
            data.draw(st.lists(st.integers(-1, 2), min_size=nodes, max_size=nodes)), np.int32
        ),
        "threshold": np.zeros(nodes),
        "children": np.array(
            data.draw(st.lists(number, min_size=2 * nodes, max_size=2 * nodes)), dtype=np.int32
        ),
        "missing_left": np.zeros(nodes, np.uint8),
        "value": np.arange(nodes, dtype=np.float64),
        "root": np.array([data.draw(number)], np.int32),
    }
    try:
        trees = Trees.of(2, arrays)
    except ValueError:
        return
    rows = np.array([[1.0, -1.0], [np.nan, 0.0], [0.0, 0.0], [-1.0, 1.0], [2.0, 2.0]])
    assert set(trees.walk(rows, 0.0)) <= set(range(nodes))


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="2 columns for trees over 1"):
        Trees.of(1, stump()).walk(np.zeros((4, 2)), 0.0)


def test_read_only_and_strided_rows() -> None:
    rows = np.arange(12.0).reshape(6, 2)[::2, :1]
    rows.flags.writeable = False
    assert Trees.of(1, stump()).walk(rows, 0.0).tolist() == [2.0, 3.0, 3.0]
