"""`minewatch model compare`: what of a manifest changed, whatever its shape."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bundle import DEFAULT
from detector.cli import main
from detector.cli.compare import SHOWN, compared

RATE = {"count": 1, "n": 200, "value": 0.005, "low": 0.0001, "high": 0.0275}
OLD: dict[str, Any] = {
    "id": "one",
    "digest": "aa" * 32,
    "created": "2026-11-01",
    "format": 1,
    "libraries": {"numpy": "2.4"},
    "members": {"channel.npz": "00"},
    "models": {
        "channel": {
            "features": ["a", "b"],
            "schema_digest": "cd" * 32,
            "thresholds": {"mining": 0.91, "suspicious": 0.5},
            "metrics": {"mining": {"recall": RATE}, "auc": 0.9},
        }
    },
    "training_data": [{"name": "campus", "rows": 10, "sha256": "11"}],
}


def changed() -> dict[str, Any]:
    return copy.deepcopy(OLD) | {"id": "two", "digest": "bb" * 32}


def told(new: dict[str, Any]) -> list[str]:
    return list(compared(OLD, new))


def test_the_same() -> None:
    assert told(copy.deepcopy(OLD))[-1] == "the same bundle, to the byte"


def test_each_part_that_changed_and_no_other() -> None:
    new = changed()
    channel = new["models"]["channel"]
    channel["features"] = ["b", "c"]
    channel["thresholds"]["mining"] = 0.95
    channel["metrics"]["mining"]["recall"] = RATE | {"count": 2}
    new["training_data"] = [{"name": "campus", "rows": 12, "sha256": "22"}, {"name": "office", "rows": 3}]
    new["members"] = {"channel.npz": "01"}
    assert told(new)[2:-2] == [
        "",
        "channel features:",
        "  gone (1): a",
        "  new (1): c",
        "",
        "channel metrics:",
        "  mining.recall 1 of 200 (0.01% to 2.75%) -> 2 of 200 (0.01% to 2.75%)",
        "",
        "channel thresholds:",
        "  mining 0.91 -> 0.95",
        "",
        "training data:",
        "  campus.rows 10 -> 12",
        "  campus.sha256 11 -> 22",
        "  office.name none -> office",
        "  office.rows none -> 3",
    ]


def test_order_of_features_and_a_model_that_is_gone() -> None:
    new = changed()
    new["models"]["channel"]["features"] = ["b", "a"]
    assert "  the same in another order" in told(new)
    new["models"] = {"power": OLD["models"]["channel"]}
    assert "  mining none -> 0.91" in told(new) and "  mining 0.91 -> none" in told(new)


def test_many_changes_are_counted() -> None:
    new = changed()
    new["notes"] = {str(i): i for i in range(SHOWN + 5)}
    assert "  and 5 more" in told(new)


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(trees, trees)
def test_any_shape_of_what_is_not_checked(left: Any, right: Any) -> None:
    new = changed()
    new["models"]["channel"]["metrics"] = right
    old = copy.deepcopy(OLD) | {"notes": left}
    assert list(compared(old, new))


@pytest.mark.skipif(not DEFAULT.exists(), reason="the default model is not built: make model")
def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "compare", str(DEFAULT)]) == 0
    assert "the same bundle" in capsys.readouterr().out
    assert main(["model", "compare"]) == 2
    assert main(["model", "compare", "a", "b", "c"]) == 2
    assert "name two bundles" in capsys.readouterr().err
    assert main(["model", "compare", "/nowhere"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
