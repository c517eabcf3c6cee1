"""The cache of rows: what it gives is what was made, damage and interruption cost time and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features.channel import NAMES
from training import build, rebuild, store, table
from training.build import PowerRows, Recipe
from training.corpora import Capture
from training.simulation import corpus

SMALL = Recipe(examples=12, power_examples=16, fused_hosts=0, seed=3, jobs=1)


def cached(folder: Path) -> Recipe:
    return replace(SMALL, cache=folder)


@pytest.fixture(scope="module", autouse=True)
def _small_tasks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "CHUNK", 6)
        yield


def same(one: table.Rows | PowerRows, other: table.Rows | PowerRows) -> bool:
    return all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes()
        if isinstance(getattr(one, name), np.ndarray)
        else getattr(one, name) == getattr(other, name)
        for name in one.__slots__
    )


@pytest.fixture(scope="module")
def anew() -> tuple[table.Rows, PowerRows]:
    return build.simulated_rows(SMALL), build.power_rows(SMALL, None)


def test_rows_are_the_same_anew_stored_and_read_back(
    anew: tuple[table.Rows, PowerRows], tmp_path: Path
) -> None:
    for _ in range(2):
        assert same(build.simulated_rows(cached(tmp_path)), anew[0])
        assert same(build.power_rows(cached(tmp_path), None), anew[1])
    assert len(list(tmp_path.glob("rows-*.npz"))) == 2  # 12 conversations, 6 a task
    assert len(list(tmp_path.glob("powerrows-*.npz"))) == build.POWER_PARTS


def test_what_is_stored_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.simulated_rows(cached(tmp_path))
    monkeypatch.setattr(build, "_simulate", lambda plan: pytest.fail("made again"))
    build.simulated_rows(cached(tmp_path))


def test_an_interrupted_build_goes_on_where_it_was(
    anew: tuple[table.Rows, PowerRows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate, made = build._simulate, []

    def interrupted(plan: list[tuple[str, int]]) -> table.Rows:
        if made:
            raise KeyboardInterrupt
        made.append(plan)
        return simulate(plan)

    monkeypatch.setattr(build, "_simulate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build.simulated_rows(cached(tmp_path))
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]  # and no draft
    monkeypatch.setattr(build, "_simulate", lambda plan: made.append(plan) or simulate(plan))
    assert same(build.simulated_rows(cached(tmp_path)), anew[0])
    assert len(made) == 2


def damages(content: bytes) -> list[bytes]:
    spoilt = bytearray(content)
    spoilt[len(content) // 2] ^= 0xFF
    return [b"", b"PK\x03\x04", content[:-40], content[: len(content) // 2], bytes(spoilt)]


def test_a_damaged_entry_is_made_again(anew: tuple[table.Rows, PowerRows], tmp_path: Path) -> None:
    build.simulated_rows(cached(tmp_path))
    entry = sorted(tmp_path.iterdir())[0]
    good = entry.read_bytes()
    for bad in damages(good):
        entry.write_bytes(bad)
        assert same(build.simulated_rows(cached(tmp_path)), anew[0])
        with np.load(entry) as archive:
            assert set(archive) >= {"values", "label", "group"}


def test_a_pickle_in_the_cache_is_never_loaded(anew: tuple[table.Rows, PowerRows], tmp_path: Path) -> None:
    build.simulated_rows(cached(tmp_path))
    entry = sorted(tmp_path.iterdir())[0]
    with np.load(entry) as archive:
        columns = dict(archive)
    columns["values"] = np.array([_Bomb()] * len(columns["label"]), object)
    with entry.open("wb") as file:
        np.savez(file, **columns)
    assert same(build.simulated_rows(cached(tmp_path)), anew[0])


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("a pickle was loaded",)


def test_other_settings_names_or_code_are_another_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def entries() -> int:
        store.remembered(tmp_path, table.Rows, {"a": 1}, lambda: table.concatenate([]))
        return len(list(tmp_path.iterdir()))

    assert entries() == entries() == 1
    monkeypatch.setattr(store, "_code", lambda: ["another"])
    assert entries() == 2
    plan = [("http", 1)]
    assert store._name({"plan": plan, "features": NAMES}) != store._name(
        {"plan": plan, "features": NAMES[1:]}
    )


def test_a_capture_that_changed_is_read_again(tmp_path: Path) -> None:
    """The entry is of the content that lies there, not of the name."""
    made = [corpus.example("stratum", 1).pcap, corpus.example("dns", 2).pcap]
    path, folder = tmp_path / "a.pcap", tmp_path / "cache"
    capture = Capture(path, "x", "benign", "traffic", "", frozenset(), True, "of another time")
    for content in made:
        path.write_bytes(content)
        assert same(build._of_capture(capture, folder), build._of_capture(capture, None))
    assert len(list(folder.iterdir())) == 2


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    anew: tuple[table.Rows, PowerRows], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert same(build.simulated_rows(cached(tmp_path / "file")), anew[0])


def test_prune_keeps_what_was_used_last(tmp_path: Path) -> None:
    for number in range(4):
        parts = {"number": number}
        store.remembered(tmp_path, table.Rows, parts, lambda: table.concatenate([]))
    entries = sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    size = entries[0].stat().st_size
    store.remembered(tmp_path, table.Rows, {"number": 0}, lambda: pytest.fail("was there"))
    assert store.prune(tmp_path, 2 * size) == 2
    left = set(tmp_path.iterdir())
    assert len(left) == 2 and entries[0] in left and entries[3] in left
    assert store.prune(tmp_path, 2 * size) == 0
    assert store.prune(tmp_path / "none") == 0


def test_a_rebuild_gives_the_same_bundle_with_and_without_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINEWATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MINEWATCH_DATA", str(tmp_path / "none"))
    recipe = Recipe(120, 96, jobs=1, cache=tmp_path / "cache" / "rows")
    sizes = ["--examples", "120", "--power-examples", "96", "--jobs", "1"]
    manifests = []
    for words in (["--no-cache"], []):
        folder = tmp_path / f"bundle{len(words)}"
        assert rebuild.main([*sizes, *words, "--output", str(folder)]) == 1  # it is not the shipped one
        manifests.append((folder / "manifest.json").read_bytes())
        told = capsys.readouterr()
        assert "simulated rows only" in told.err and "bundle differs" in told.out
        if not words:
            break
        assert not recipe.cache.exists()
        build.simulated_rows(recipe), build.power_rows(recipe, None)
        monkeypatch.setattr(build, "_simulate", lambda plan: pytest.fail("made again"))
        monkeypatch.setattr(build, "_draw_power", lambda *drawn: pytest.fail("made again"))
    assert manifests[0] == manifests[1]


# --- how many rows are held


def rows(sizes: dict[str, int], seed: int = 0) -> table.Rows:
    """Rows of groups of these sizes, three windows an example."""
    group = [name for name, size in sizes.items() for _ in range(size)]
    n = len(group)
    values = np.random.default_rng(seed).normal(size=(n, len(NAMES)))
    whole = np.zeros(n, np.int64)
    example = [f"{name}/{i // 3}" for i, name in enumerate(group)]
    return table.Rows(
        values,
        whole,
        group,
        group,
        ["x"] * n,
        example,
        whole,
        whole > 0,
        whole > 0,
        np.ones(n),
        values[:, :3],
        whole < 0,
    )


def cut(whole: table.Rows, edges: list[int]) -> list[table.Rows]:
    places = [0, *sorted(edges), len(whole)]
    index = np.arange(len(whole))
    return [table.select(whole, (index >= low) & (index < high)) for low, high in itertools.pairwise(places)]


def test_all_rows_are_kept_while_they_are_few() -> None:
    whole = rows({"a": 5, "b": 2})
    assert same(table.gathered(cut(whole, [3]), 7), whole)


def test_the_largest_groups_give_and_the_rare_keep_all() -> None:
    whole = rows({"large": 5_000, "middle": 300, "rare": 9})
    kept = table.gathered([whole], 600)
    counts = {name: kept.group.count(name) for name in ("large", "middle", "rare")}
    assert counts == {"large": 256, "middle": 256, "rare": 9}
    # order is kept, and what is left of the large group is spread over it
    place = {line.tobytes(): i for i, line in enumerate(whole.values)}
    places = [place[line.tobytes()] for line in kept.values]
    assert places == sorted(places)
    assert 2_000 < np.mean(places[:256]) < 3_000


@settings(max_examples=40, deadline=None)
@given(
    edges=st.lists(st.integers(0, 400), max_size=6),
    most=st.integers(1, 400),
    sizes=st.lists(st.integers(1, 120), min_size=1, max_size=5),
)
def test_what_is_kept_does_not_depend_on_the_parts(edges: list[int], most: int, sizes: list[int]) -> None:
    whole = rows({f"g{i}": size for i, size in enumerate(sizes)})
    kept = table.gathered(cut(whole, edges), most)
    assert same(kept, table.gathered([whole], most))
    assert len(kept) <= max(most, len(sizes))
    assert set(kept.group) == set(whole.group)


def test_rows_of_other_vector_units_are_other_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their logarithms differ in the last bit, and a digest with them."""
    made: list[str] = []

    def rows(on: str) -> table.Rows:
        def make() -> table.Rows:
            made.append(on)
            return table.concatenate([])

        store._code.cache_clear()
        return store.remembered(tmp_path, table.Rows, {"a": 1}, make)

    rows("this"), rows("this again")
    with monkeypatch.context() as patch:
        patch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": {"found": ["another"]}})
        rows("another")
    rows("this at last")
    assert made == ["this", "another"]
