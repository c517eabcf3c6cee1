"""The policy file: what is said is what holds, every mistake names file, rule and nearest key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from detector.policy import Mined, Policy, Subject, read_policy
from detector.settings import SettingsError

DAY_NS = 86_400_000_000_000
MARCH_NS = 1_772_323_200_000_000_000  # 2026-03-01 UTC
LAB = Mined("203.0.113.5", frozenset({"eu.pool.example"}), frozenset({"wallet-1", "sha256:1f3a"}))
SUBJECT = Subject("10.0.0.7", "rig-1", "Physics", (LAB,), MARCH_NS, MARCH_NS + DAY_NS)


def policy(folder: Path, content: str) -> Policy:
    path = folder / "policy.toml"
    path.write_text(content, encoding="utf-8")
    return read_policy(str(path))


@pytest.mark.parametrize(
    ("condition", "covered"),
    [
        ('asset = "rig-1"', True),
        ('asset = ["rig-2", "rig-1"]', True),
        ('asset = "rig-2"', False),
        ('organisation = "Physics"', True),
        ('host = "10.0.0.7"', True),
        ('host = "10.0.0.0/24"', True),
        ('host = "2001:db8::/32"', False),
        ('host = ["10.0.1.0/24", "meter-9"]', False),
        ('wallet = "sha256:1f3a"', True),
        ('wallet = "wallet-1"', True),
        ('wallet = "sha256:ffff"', False),
        ('pool = "pool.example"', True),
        ('pool = "POOL.example"', True),
        ('pool = "ol.example"', False),
        ('pool = "203.0.113.0/24"', True),
        ('pool = "203.0.113.6"', False),
        ('wallet = "wallet-1"\npool = "other.example"', False),
        ("from = 2026-03-01\nuntil = 2026-03-03", True),
        ("from = 2026-03-01T01:00:00+01:00", True),
        ("from = 2026-03-01T00:00:01Z", False),
        ("until = 2026-03-02", False),  # the last moment is not before it
        ('asset = "rig-1"\nuntil = 2026-03-01', False),
    ],
)
def test_a_rule_covers_where_all_it_names_holds(tmp_path: Path, condition: str, covered: bool) -> None:
    told = policy(tmp_path, f'[[allow]]\nname = "lab"\n{condition}\n')
    assert told.allows(SUBJECT) == ("lab" if covered else None)


@pytest.mark.parametrize("condition", ['wallet = "wallet-1"', 'pool = "pool.example"'])
def test_who_mines_for_another_pool_beside_the_licensed_one_is_not_allowed(
    tmp_path: Path, condition: str
) -> None:
    told = policy(tmp_path, f'[[allow]]\nname = "lab"\n{condition}\n')
    private = replace(SUBJECT, mined=(LAB, Mined("198.51.100.9")))
    assert told.allows(SUBJECT) == "lab" and told.allows(private) is None


@pytest.mark.parametrize("condition", ['wallet = "wallet-1"', 'pool = "203.0.113.5"'])
def test_watts_name_no_wallet_and_no_pool(tmp_path: Path, condition: str) -> None:
    told = policy(tmp_path, f'[[allow]]\nname = "lab"\n{condition}\n')
    assert told.allows(replace(SUBJECT, mined=())) is None


def test_the_first_rule_that_covers_is_named(tmp_path: Path) -> None:
    rules = '[[allow]]\nname = "a"\nasset = "x"\n[[allow]]\nname = "b"\nasset = "rig-1"\n'
    assert policy(tmp_path, rules + '[[allow]]\nname = "c"\nhost = "10.0.0.7"\n').allows(SUBJECT) == "b"


def test_thresholds_by_organisation(tmp_path: Path) -> None:
    told = policy(
        tmp_path, '[thresholds."Faculty of Physics"]\nmining = 0.99\n[thresholds.IT]\nsuspicious = 1\n'
    )
    assert told.thresholds == {"Faculty of Physics": {"mining": 0.99}, "IT": {"suspicious": 1.0}}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[[alow]]\n", "policy.toml: unknown key 'alow'; did you mean 'allow'?"),
        ('[[allow]]\nname = "a"\nwalet = "x"\n', "[[allow]] 1: unknown key 'walet'; did you mean 'wallet'?"),
        ('[[allow]]\nname = "a"\nhost = "x"\n[[allow]]\nhost = "y"\n', "[[allow]] 2: 'name' is missing"),
        ('[[allow]]\nname = "a"\n', "[[allow]] 1 ('a') allows everything; name one of asset"),
        ('[[allow]]\nname = "a"\nwallet = []\n', "[[allow]] 1 ('a') wallet must be a text or a list"),
        ('[[allow]]\nname = "a"\nwallet = ""\n', "wallet must be a text or a list"),
        ('[[allow]]\nname = "a"\nhost = "10.0.0.0/99"\n', "host: '10.0.0.0/99' is no network"),
        (
            '[[allow]]\nname = "a"\nfrom = 2026-03-01T00:00:00\n',
            "from must be a date or a time with its",
        ),
        ('[[allow]]\nname = "a"\nfrom = 2026-03-02\nuntil = 2026-03-02\n', "'from' is not before 'until'"),
        ("allow = 3\n", "'allow' must be"),
        ("allow = [3]\n", "[[allow]] 1 must be a table"),
        ("thresholds = 3\n", "[thresholds] must hold a table an organisation"),
        ("[thresholds]\nIT = 0.9\n", "[thresholds.'IT'] must be a table"),
        ("[thresholds.IT]\nminning = 0.9\n", "unknown key 'minning'; did you mean 'mining'?"),
        ("[thresholds.IT]\nmining = 9\n", "[thresholds.'IT'] mining must be a number from 0 to 1"),
        ("[thresholds.IT]\nmining = nan\n", "mining must be a number from 0 to 1"),
        ("[thresholds.IT]\nmining = 0.5\nsuspicious = 0.6\n", "'suspicious' is above 'mining'"),
        ("[[allow]\n", "policy.toml: "),
    ],
)
def test_mistakes_are_one_line_with_their_place(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        policy(tmp_path, content)
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_a_policy_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none.toml: no such file"):
        read_policy(str(tmp_path / "none.toml"))
