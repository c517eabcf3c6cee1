"""No output tells a wallet, a worker or a password that the public captures hold.

What is looked for is read out of the captures' bytes here, by patterns that know nothing of the dissectors,
when the test runs; none of it is stored.  A control shows that it would be found.
"""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.document import Context
from detector.model import Bundle
from detector.monitor import Journal
from detector.monitor.journal import tell
from detector.pipeline import Request, Result, score
from detector.report.page import page
from detector.rollup import of_result, write_rollup
from detector.settings import FindingSettings, PrivacySettings, Settings
from detector.sinks import SINKS
from training import corpora

MIRROR = corpora.mirror()
EVERY = corpora.captures(MIRROR) if MIRROR else []
CAPTURES = [capture for capture in EVERY if capture.label == "mining"]
pytestmark = pytest.mark.skipif(not CAPTURES, reason="no captures in $MINEWATCH_DATA or ../shared/data")

LEAST = 6  # letters; shorter ones ("x", "123") occur by chance
STRING = rb'"((?:[^"\\]|\\.){1,200})"'
LOGINS = re.compile(
    rb'"(?:mining\.authorize|eth_submitLogin|eth_login)"\s*,\s*"params"\s*:\s*\[([^\]]{0,400})\]'
    rb'|"params"\s*:\s*\[([^\]]{0,400})\][^{}]{0,80}"method"\s*:\s*"(?:mining\.authorize|eth_submitLogin|eth_login)"'
)
NAMED = re.compile(rb'"(login|pass|rigid|worker|user|password)"\s*:\s*' + STRING)
BASIC = re.compile(rb"Authorization: Basic ([A-Za-z0-9+/=]{4,400})", re.IGNORECASE)
SECRET = (b"pass", b"password")


def identifiers(content: bytes) -> tuple[set[str], set[str]]:
    """(wallets and workers, passwords) in the clear in a capture's bytes."""
    names: set[bytes] = set()
    passwords: set[bytes] = set()
    for found in LOGINS.finditer(content):
        user, *others = re.findall(STRING, found[1] or found[2] or b"") or [b""]
        names |= {user, *re.split(rb"[./]", user)}
        passwords.update(others)
    for found in NAMED.finditer(content):
        (passwords if found[1] in SECRET else names).add(found[2])
        names.update(re.split(rb"[./+]", found[2]) if found[1] not in SECRET else ())
    for found in BASIC.finditer(content):
        user, _, password = base64.b64decode(found[1] + b"===").partition(b":")
        names.add(user)
        passwords.add(password)
    told, secret = (
        {one.decode("latin-1") for one in some if len(one) >= LEAST} for some in (names, passwords)
    )
    return told, secret - told


def outputs(result: Result, folder: Path) -> Iterator[tuple[str, str]]:
    """Everything that can be told of findings, by name."""
    context = Context(model=result.model, width=100)
    for sink in SINKS:
        stream = io.StringIO()
        sink.write(result.findings, stream, context)
        yield sink.name, stream.getvalue()
    rollup = of_result(result, 0.473)
    yield "report", page(result, context, rollup)
    write_rollup(folder / "rollup.json", rollup)
    yield "rollup", (folder / "rollup.json").read_text()
    journal = Journal(str(folder / "findings.jsonl"), result.model)
    journal.append(result.findings)
    journal.close()
    yield "journal", (folder / "findings.jsonl").read_text()
    stream = io.StringIO()
    tell(result.findings, stream)
    yield "monitor", stream.getvalue()
    yield "sources", repr(result.sources) + repr(result.problems) + repr(result.notes)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("key") / "site.key"
    path.write_bytes(b"a key for the tests, 32 bytes...")
    return str(path)


def scored(path: Path, bundle: Bundle, settings: Settings) -> Result:
    return score(Request(paths=(str(path),), settings=settings), bundle=bundle)


def leaks(capture: corpora.Capture, settings: Settings, bundle: Bundle, folder: Path) -> list[str]:
    """Outputs in which an identifier of the capture stands, and how many; not which."""
    names, passwords = identifiers(capture.path.read_bytes())
    told = outputs(scored(capture.path, bundle, settings), folder)
    counted = {name: sum(one in text for one in names | passwords) for name, text in told}
    return [f"{n} identifiers in {name}" for name, n in counted.items() if n]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda c: c.path.name)
def test_no_identifier_leaves(capture: corpora.Capture, bundle: Bundle, key: str, tmp_path: Path) -> None:
    assert leaks(capture, Settings(), bundle, tmp_path) == []
    assert leaks(capture, Settings(privacy=PrivacySettings(site_key=key)), bundle, tmp_path) == []


def test_nor_do_those_of_captures_without_miners(bundle: Bundle, tmp_path: Path) -> None:
    """Logins of other protocols are nobody's business either."""
    others = [c for c in EVERY if c.label != "mining" and any(identifiers(c.path.read_bytes()))]
    assert others
    assert [leak for capture in others for leak in leaks(capture, Settings(), bundle, tmp_path)] == []


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda c: c.path.name)
def test_no_password_leaves_even_when_identifiers_are_shown(
    capture: corpora.Capture, bundle: Bundle, tmp_path: Path
) -> None:
    _, passwords = identifiers(capture.path.read_bytes())
    shown = Settings(findings=FindingSettings(show_identifiers=True))
    for name, text in outputs(scored(capture.path, bundle, shown), tmp_path):
        assert sum(password in text for password in passwords) == 0, f"passwords in {name}"


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda c: c.path.name)
def test_no_host_leaves_under_a_pseudonym(
    capture: corpora.Capture, bundle: Bundle, key: str, tmp_path: Path
) -> None:
    """The hosts that mine, and every other that was seen; the same verdicts as without pseudonyms."""
    plain = scored(capture.path, bundle, Settings())
    settings = Settings(privacy=PrivacySettings(site_key=key, pseudonymise=True))
    told = scored(capture.path, bundle, settings)
    hosts = {finding.host for finding in plain.findings if finding.kind == "ip"}
    assert sorted(f.verdict for f in told.findings) == sorted(f.verdict for f in plain.findings)
    for name, text in outputs(told, tmp_path):
        leaked = sum(bool(re.search(rf"(?<![\w.]){re.escape(host)}(?![\w]|\.\d)", text)) for host in hosts)
        assert leaked == 0, f"{leaked} hosts in {name}"


def test_the_search_finds_what_is_shown(bundle: Bundle, tmp_path: Path) -> None:
    """Control: with identifiers shown, wallets of several captures are found in every format with facts."""
    found: dict[str, int] = {}
    for capture in CAPTURES:
        names, _ = identifiers(capture.path.read_bytes())
        shown = Settings(findings=FindingSettings(show_identifiers=True))
        for name, text in outputs(scored(capture.path, bundle, shown), tmp_path):
            found[name] = found.get(name, 0) + any(identifier in text for identifier in names)
    assert all(found[name] >= 5 for name in ("jsonl", "json", "ocsf", "ecs", "eve", "report", "journal")), (
        found
    )


def test_the_captures_hold_identifiers() -> None:
    sizes = [len(names) for names, _ in (identifiers(c.path.read_bytes()) for c in CAPTURES)]
    assert sum(size > 0 for size in sizes) >= 8
    assert any(passwords for _, passwords in (identifiers(c.path.read_bytes()) for c in CAPTURES))
