"""The bundle: what it says, what it refuses, and that scoring needs nothing but arrays."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import bundle
from detector.bundle import BundleError
from detector.model import KINDS, Bundle, Model, Thresholds, sigmoid
from detector.records import Vectors
from training import export
from training.fit import FitSettings, Fitted, fit_model

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
NAMES = tuple(f"channel.f{i}" for i in range(5))
SMALL = FitSettings(trees=12, leaves=6, min_leaf=10, forest_trees=8, forest_samples=32, folds=3)


def rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.5
    values = rng.normal(size=(n, len(NAMES)))
    values[:, 0] += 2.0 * labels
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, labels, [f"{label}{i % 6}" for i, label in enumerate(labels)]


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_model(*rows(400, 1), NAMES, seed=5, settings=SMALL)


def save(path: Path, fitted: Fitted, **changed: Any) -> Bundle:
    about = {"identity": "test-1", "created": "2026-11-22", "card": "# card\n", "training_data": []}
    entries = dict.fromkeys(KINDS, fitted.entry())
    return export.save_bundle(path, entries, **(about | changed))


@pytest.fixture(scope="module")
def members(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("bundle") / "b"
    save(path, fitted)
    return bundle.read(path)


def resealed(parts: dict[str, bytes], **changed: Any) -> dict[str, bytes]:
    """The bundle as somebody would write it who knows the format: digests are right again."""
    manifest = json.loads(parts["manifest.json"])
    manifest = {k: v for k, v in (manifest | changed).items() if k not in ("members", "digest")}
    return bundle.seal(manifest, {k: v for k, v in parts.items() if k != "manifest.json"})


@pytest.mark.parametrize("name", ["b", "b.zip"])
def test_round_trip(fitted: Fitted, tmp_path: Path, name: str) -> None:
    saved = save(tmp_path / name, fitted)
    loaded = Bundle.load(tmp_path / name)
    fresh = Vectors(NAMES, rows(50, 2)[0])
    for kind in KINDS:
        told, expected = loaded.model(kind).score(fresh), fitted.model.score(fresh)
        np.testing.assert_array_equal(told.logit, expected.logit)
        np.testing.assert_array_equal(told.novelty, expected.novelty)
    assert loaded.digest == saved.digest
    assert loaded.channel.thresholds == fitted.model.thresholds
    assert loaded.card == "# card\n"
    assert loaded.manifest["models"]["power"]["metrics"] == json.loads(json.dumps(fitted.metrics))


def test_same_inputs_same_bytes(fitted: Fitted, tmp_path: Path) -> None:
    again = fit_model(*rows(400, 1), NAMES, seed=5, settings=SMALL)
    save(tmp_path / "a.zip", fitted)
    save(tmp_path / "b.zip", again)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_scores(fitted: Fitted) -> None:
    scores = fitted.model.score(Vectors(NAMES, rows(200, 3)[0]))
    np.testing.assert_array_equal(scores.probability, sigmoid(scores.logit))
    assert ((scores.novelty >= 0) & (scores.novelty <= 1)).all()
    assert len(fitted.model.score(Vectors(NAMES, np.empty((0, 5)))).logit) == 0


def test_what_no_training_row_was_like_is_novel(fitted: Fitted) -> None:
    ordinary = np.zeros((1, 5))
    strange = np.array([[40.0, -40.0, 40.0, -40.0, 40.0]])
    model = fitted.model
    assert model.novelty(strange)[0] > 0.98 > 0.5 > model.novelty(ordinary)[0]


def test_extreme_and_missing_rows_get_finite_scores(fitted: Fitted) -> None:
    values = np.array([[np.nan] * 5, [np.inf] * 5, [-np.inf] * 5, [1e308] * 5, [-1e308] * 5])
    scores = fitted.model.score(Vectors(NAMES, values))
    assert np.isfinite([scores.probability, scores.logit, scores.novelty]).all()


def test_contributions_add_up_to_the_log_odds(fitted: Fitted) -> None:
    values = rows(30, 4)[0]
    scores = fitted.model.score(Vectors(NAMES, values))
    for row, logit in zip(values, scores.logit, strict=True):
        parts = fitted.model.contributions(row)
        np.testing.assert_allclose(fitted.model.start + sum(v for _, v in parts), logit, atol=1e-9)
        assert [abs(v) for _, v in parts] == sorted((abs(v) for _, v in parts), reverse=True)
        assert {name for name, _ in parts} <= {*NAMES, "novelty"}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (NAMES[::-1], "order"),
        (NAMES[:-1], "channel.f4"),
        ((*NAMES, "extra"), "extra"),
    ],
)
def test_other_columns_are_refused(fitted: Fitted, names: tuple[str, ...], told: str) -> None:
    with pytest.raises(BundleError, match=told):
        fitted.model.score(Vectors(names, np.zeros((1, len(names)))))


@pytest.mark.parametrize(
    ("made_by", "told"), [("0.0.1", "bundle is older"), ("99.0", "this minewatch is older")]
)
def test_it_says_which_side_is_old(members: dict[str, bytes], made_by: str, told: str) -> None:
    libraries = json.loads(members["manifest.json"])["libraries"] | {"minewatch": made_by}
    loaded = Bundle.from_members(resealed(members, libraries=libraries), "b")
    with pytest.raises(BundleError, match=told):
        loaded.require(channel=(*NAMES, "new"))
    loaded.require(channel=NAMES, power=NAMES)


@pytest.mark.parametrize(
    ("version", "told"),
    [(3, "upgrade minewatch"), (1, "train it again"), ("1", "not a version"), (True, "not")],
)
def test_format_version(members: dict[str, bytes], version: object, told: str) -> None:
    manifest = json.loads(members["manifest.json"]) | {"format": version}
    with pytest.raises(BundleError, match=told):
        Bundle.from_members(members | {"manifest.json": json.dumps(manifest).encode()}, "b")


@pytest.mark.parametrize("name", ["channel.npz", "reference.npz", "model_card.md"])
def test_a_changed_member_is_refused(members: dict[str, bytes], name: str) -> None:
    data = bytearray(members[name])
    data[len(data) // 2] ^= 1
    with pytest.raises(BundleError, match=f"{name}.*digest"):
        Bundle.from_members(members | {name: bytes(data)}, "b")


@pytest.mark.parametrize("name", bundle.MEMBERS)
def test_a_missing_member_is_refused(members: dict[str, bytes], name: str) -> None:
    with pytest.raises(BundleError, match=f"{name}.* missing"):
        Bundle.from_members({k: v for k, v in members.items() if k != name}, "b")


def test_an_undeclared_member_is_refused(fitted: Fitted, tmp_path: Path) -> None:
    save(tmp_path / "b", fitted)
    (tmp_path / "b" / "extra.py").write_text("raise SystemExit")
    with pytest.raises(BundleError, match=r"extra\.py.*not in the manifest"):
        Bundle.load(tmp_path / "b")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in leaves(v, (*path, k))]
    if isinstance(value, list):
        return [p for i, v in enumerate(value) for p in leaves(v, (*path, i))]
    return [path]


WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_changed_manifest_is_refused(members: dict[str, bytes], data: st.DataObject) -> None:
    manifest = json.loads(members["manifest.json"])
    *path, last = data.draw(st.sampled_from(leaves(manifest)))
    place = manifest
    for step in path:
        place = place[step]
    new = data.draw(WRONG)
    if json.dumps(new) == json.dumps(place[last]):
        return
    place[last] = new
    with pytest.raises(BundleError):
        Bundle.from_members(members | {"manifest.json": json.dumps(manifest).encode()}, "b")


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_changed_manifest_with_right_digests_never_crashes(
    members: dict[str, bytes], data: st.DataObject
) -> None:
    """Who can write a bundle can write any bundle; it must still load or be refused in one line."""
    manifest = json.loads(members["manifest.json"])
    *path, last = data.draw(
        st.sampled_from([p for p in leaves(manifest) if p[0] not in ("members", "digest")])
    )
    place = manifest
    for step in path:
        place = place[step]
    place[last] = data.draw(WRONG)
    try:
        loaded = Bundle.from_members(resealed(members, **manifest), "b")
    except BundleError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(loaded.channel.score(Vectors(loaded.channel.names, np.zeros((3, 5)))).logit).all()


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_changed_arrays_with_right_digests_never_crash(
    members: dict[str, bytes], data: st.DataObject
) -> None:
    arrays = bundle.read_arrays(members["channel.npz"], "channel.npz")
    name = data.draw(st.sampled_from(sorted(arrays)))
    place = data.draw(st.integers(0, arrays[name].size - 1))
    if arrays[name].dtype == np.float64:
        arrays[name][place] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e308, -1e308, 0.0, -1.0]))
    else:
        limits = np.iinfo(arrays[name].dtype)
        arrays[name][place] = data.draw(st.integers(int(limits.min), int(limits.max)))
    try:
        loaded = Bundle.from_members(resealed(members | {"channel.npz": bundle.write_arrays(arrays)}), "b")
    except BundleError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(loaded.channel.score(Vectors(NAMES, np.zeros((3, 5)))).logit).all()


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.1, None, "0.5", True])
def test_thresholds_out_of_range(value: Any) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Thresholds(mining=value, suspicious=0.0, novelty=0.5)
    with pytest.raises(ValueError, match="above mining"):
        Thresholds(mining=0.5, suspicious=0.6, novelty=0.5)


def test_reference_rows_that_score_otherwise_are_refused(members: dict[str, bytes]) -> None:
    arrays = bundle.read_arrays(members["reference.npz"], "r")
    arrays["power.logit"][3] += 1e-3
    with pytest.raises(BundleError, match=r"power rows score 0\.001"):
        Bundle.from_members(resealed(members | {"reference.npz": bundle.write_arrays(arrays)}), "b")


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("boom"),))


def npy_of_objects() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([Bomb()], dtype=object), allow_pickle=True)
    return stream.getvalue()


def npy_that_claims(shape: tuple[int, ...], body: bytes) -> bytes:
    stream = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + body


@pytest.mark.parametrize(
    "member",
    [
        npy_of_objects(),
        pickle.dumps(Bomb()),
        npy_that_claims((10**12,), b"12345678"),
        npy_that_claims((-1,), b"12345678"),
        npy_that_claims((2,), b"12345678"),
        b"",
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
    ],
    ids=["objects", "pickle", "huge", "negative", "short", "empty", "deep header"],
)
def test_no_pickle_and_no_lying_header(
    members: dict[str, bytes], member: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stream = io.BytesIO(members["channel.npz"])
    with zipfile.ZipFile(stream) as source:
        parts = {name: source.read(name) for name in source.namelist()} | {"fill.npy": member}
    forged = io.BytesIO()
    with zipfile.ZipFile(forged, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises(BundleError, match=r"channel\.npz: fill\.npy"):
        Bundle.from_members(resealed(members | {"channel.npz": forged.getvalue()}), "b")
    assert not (tmp_path / "boom").exists()


def test_a_zip_bomb_is_not_unpacked(members: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", members["manifest.json"])
        archive.writestr("channel.npz", bytes(bundle.LARGEST + 1))
    with pytest.raises(BundleError, match="larger than"):
        Bundle.load(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "told"), [(["manifest.json"] * 2, "twice"), (["../manifest.json"], "not in the manifest")]
)
def test_a_member_twice_and_paths_upwards(tmp_path: Path, names: list[str], told: str) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"{}")
    with pytest.raises(BundleError, match=told):
        Bundle.load(tmp_path / "b.zip")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "neither a folder nor a zip"),
        (b"PK\x03\x04 cut", "neither a folder nor a zip"),
        (pickle.dumps({"a": 1}), "neither a folder nor a zip"),
    ],
)
def test_what_is_no_bundle(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=told) as caught:
        Bundle.load(path)
    assert str(path) in str(caught.value)


def test_missing_empty_and_truncated(fitted: Fitted, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such model"):
        Bundle.load(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match=r"no manifest\.json"):
        Bundle.load(tmp_path / "empty")
    save(tmp_path / "b.zip", fitted)
    whole = (tmp_path / "b.zip").read_bytes()
    for cut in range(0, len(whole), len(whole) // 25):
        (tmp_path / "cut.zip").write_bytes(whole[:cut] + whole[cut + 7 :])
        with pytest.raises(BundleError):
            Bundle.load(tmp_path / "cut.zip")


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"[" * 100_000, b'{"format": NaN}', b"\xff\xfe"])
def test_a_manifest_that_is_none(members: dict[str, bytes], text: bytes) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json"):
        Bundle.from_members(members | {"manifest.json": text}, "b")


def test_scoring_imports_no_scikit_learn(fitted: Fitted, tmp_path: Path) -> None:
    save(tmp_path / "b", fitted)
    program = (
        "import sys, numpy as np\n"
        "from detector.model import Bundle\n"
        "from detector.records import Vectors\n"
        f"model = Bundle.load({str(tmp_path / 'b')!r}).channel\n"
        "row = np.zeros((2, 5))\n"
        "model.score(Vectors(model.names, row)); model.contributions(row[0])\n"
        "print(sorted({'sklearn', 'scipy', 'pandas', 'joblib'} & set(sys.modules)))\n"
    )
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_a_model_kept_from_an_old_bundle(fitted: Fitted, members: dict[str, bytes], tmp_path: Path) -> None:
    """`train` with no power rows keeps the old power model, metrics and all."""
    old = Bundle.from_members(members, "old")
    entries = {kind: export.entry_of(old, kind) for kind in KINDS} | {"channel": fitted.entry()}
    new = export.save_bundle(
        tmp_path / "n", entries, identity="test-1", created="2026-11-22", card="# card\n", training_data=[]
    )
    assert new.digest == old.digest


def test_parts_that_do_not_fit_together(fitted: Fitted) -> None:
    arrays = fitted.model.arrays()
    limits = fitted.model.thresholds
    assert isinstance(Model.from_arrays(NAMES, arrays, limits, "1"), Model)
    with pytest.raises(ValueError):
        Model.from_arrays(NAMES[:-1], arrays, limits, "1")
    with pytest.raises(ValueError, match="fill"):
        Model.from_arrays(NAMES, {k: v for k, v in arrays.items() if k != "fill"}, limits, "1")
    for name, value in (
        ("ordinary", arrays["ordinary"][::-1].copy()),
        ("scalars", np.array([0, 1, -1, 0.0])),
    ):
        with pytest.raises(ValueError):
            Model.from_arrays(NAMES, arrays | {name: value}, limits, "1")
