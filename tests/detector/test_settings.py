"""Settings from TOML: what is said is what is used, and every mistake names its key."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from detector.hosts import HomeNetworks
from detector.kernel import layout
from detector.settings import MeterSettings, Settings, SettingsError, from_table, load


def written(folder: Path, content: str) -> Path:
    path = folder / "minewatch.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load(written(tmp_path, "")) == Settings()


def test_what_is_said_is_used_and_the_rest_stays(tmp_path: Path) -> None:
    content = """
    [meter]
    window_s = 60
    [windows]
    span_windows = 30
    [findings]
    home_networks = ["192.0.2.0/24", "2001:db8::/32"]
    show_identifiers = true
    co2e_kg_per_kwh = 1
    """
    told = load(written(tmp_path, content))
    assert (told.meter.window_s, told.meter.lateness_s) == (60, MeterSettings().lateness_s)
    assert told.windows.span_windows == 30
    assert told.findings.home_networks == ("192.0.2.0/24", "2001:db8::/32")
    assert told.findings.show_identifiers is True
    assert told.findings.co2e_kg_per_kwh == 1.0 and isinstance(told.findings.co2e_kg_per_kwh, float)


def test_settings_are_frozen() -> None:
    for room in (Settings(), Settings().meter, Settings().windows, Settings().findings):
        with pytest.raises(FrozenInstanceError):
            setattr(room, fields(room)[0].name, 1)


def test_the_defaults_fit_together() -> None:
    told = Settings()
    HomeNetworks(told.findings.home_networks)
    # a window's busy bins are bits of one signed word
    assert told.meter.window_s * 1_000_000_000 <= 63 * layout.BIN_NS
    assert told.meter.idle_s >= told.meter.window_s * told.windows.span_windows
    assert told.windows.power_fast_s <= told.windows.power_slow_s


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[metre]\nwindow_s = 60", r"unknown key 'metre'; did you mean 'meter'\?"),
        ("[meter]\nwindows_s = 60", r"\[meter\]: unknown key 'windows_s'; did you mean 'window_s'\?"),
        ("[meter]\nzzz = 60", r"unknown key 'zzz'; known: idle_s, lateness_s"),
        ("meter = 5", r"\[meter\] must be a table"),
        ('[meter]\nwindow_s = "60"', r"\[meter\] window_s must be a whole number from 1 to 3 600, not '60'"),
        ("[meter]\nwindow_s = 60.5", "window_s must be a whole number from 1 to 3 600, not 60.5"),
        ("[meter]\nwindow_s = true", "window_s must be a whole number from 1 to 3 600, not True"),
        ("[meter]\nwindow_s = 0", "window_s must be a whole number from 1 to 3 600, not 0"),
        ("[meter]\nlateness_s = -5", "lateness_s must be a whole number from 1 to 86 400, not -5"),
        ("[meter]\nwindow_s = 99999999999999999999", "window_s must be a whole number from 1 to 3 600"),
        ("[findings]\nco2e_kg_per_kwh = nan", "co2e_kg_per_kwh must be a number from 0 to 100, not nan"),
        ("[findings]\nco2e_kg_per_kwh = inf", "co2e_kg_per_kwh must be a number from 0 to 100, not inf"),
        ("[findings]\nshow_identifiers = 1", "show_identifiers must be true or false, not 1"),
        ("[findings]\npools = 1", "pools must be a text, not 1"),
        ('[findings]\nhome_networks = "10.0.0.0/8"', "home_networks must be a list of texts, not '10"),
        ("[findings]\nhome_networks = [10]", r"home_networks must be a list of texts, not \[10\]"),
        ("[meter]\nwindow_s =", "line 2|end of document"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(tmp_path: Path, content: str, message: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(SettingsError, match=message) as told:
        load(path)
    assert str(told.value).startswith(str(path)) and "\n" not in str(told.value)


def test_every_number_has_a_range_that_holds_its_default() -> None:
    for room in fields(Settings):
        for item in fields(room.default_factory):
            if type(item.default) in (int, float):
                least, most = item.metadata["range"]
                assert 0 <= least <= item.default <= most
                for wrong in (least - 1, most + 1, float("nan"), 10**30):
                    with pytest.raises(SettingsError, match=f"{item.name} must be a .*number from"):
                        from_table({room.name: {item.name: wrong}}, "here")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: no such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"[meter]\n# \xe9\n")
    with pytest.raises(SettingsError, match=r"latin\.toml: "):
        load(tmp_path / "latin.toml")
    with pytest.raises(SettingsError):
        load(tmp_path)


def test_a_parsed_table_says_where_it_came_from() -> None:
    with pytest.raises(SettingsError, match="here: unknown key 'x'"):
        from_table({"x": {}}, "here")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(SettingsError, match="/dev/zero: larger than 16 MiB; this is no file of settings"):
        load("/dev/zero")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbf[meter]\nwindow_s = 60\n")
    assert load(tmp_path / "bom.toml").meter.window_s == 60
