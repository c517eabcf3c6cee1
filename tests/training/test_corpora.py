"""The manifest of public sources, and how they come to the cache: from a mirror, or from a hostile net."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import re
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training import build, corpora, fetching
from training.build import Recipe
from training.corpora import CorpusError, Source

MIRROR = corpora.mirror()
needs_data = pytest.mark.skipif(MIRROR is None, reason="no captures in $MINEWATCH_DATA or ../shared/data")

# --- the manifest as it ships


def test_every_source_states_licence_use_and_why_it_does_not_train() -> None:
    for source in corpora.sources():
        terms = source.terms
        assert terms["licence"] and terms["use"] in {"train", "evaluate"} and terms["shows"]
        assert (terms["use"] == "evaluate") == ("why" in terms)
        assert ("commit" in terms) != ("mirror_only" in terms)
        assert terms["repository"].startswith("https://") and source.files
        assert terms.get("label", "benign") == "benign"


READ_AT = re.compile(r"[\w./-]+( at [0-9a-f]{12}\b| beside the files: )")


def test_a_licence_was_read_where_the_manifest_says_or_the_source_never_trains() -> None:
    unproven = {"none stated", "not seen"}
    for source in corpora.sources():
        terms = source.terms
        proven = READ_AT.search(terms.get("evidence", "")) is not None
        assert proven or terms["licence"] in unproven, source.name
        assert terms["use"] == "evaluate" or (proven and terms["licence"] not in unproven), source.name


WORDING = {
    "MIT": "MIT License",
    "Apache-2.0": "Apache License",
    "ODbL-1.0": "Open Database",
}


@needs_data
def test_licences_beside_the_files_are_those_that_the_manifest_names() -> None:
    assert MIRROR is not None
    read = 0
    for source in corpora.sources():
        named = re.search(r"([\w./-]+) beside the files", source.terms.get("evidence", ""))
        if named:
            text = (source.place(MIRROR) / named[1]).read_text(encoding="utf-8")
            assert WORDING[source.terms["licence"]] in text, source.name
            read += 1
    assert read >= 4


def test_what_the_manifest_names_one_by_one_is_in_its_list_of_files() -> None:
    for source in corpora.sources():
        paths = {file.path for file in source.files}
        named = [*source.terms.get("mining", {}), *source.terms.get("ambiguous", {})]
        assert paths >= {*named, *source.terms.get("evaluate_only", [])}
        assert all(fetching._safe(path) for path in paths) and len(paths) == len(source.files)


@needs_data
def test_the_mirror_is_as_the_manifest_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert MIRROR is not None
    assert corpora.main(["verify", "--in", str(MIRROR)]) == 0
    assert corpora.absent(MIRROR) == []
    assert "as the manifest says" in capsys.readouterr().out


@needs_data
def test_every_capture_lies_there_and_only_miners_mine() -> None:
    assert MIRROR is not None
    found = corpora.captures(MIRROR)
    assert len(found) > 2_900
    assert all(bool(capture.mining_hosts) == (capture.label == "mining") for capture in found)


@needs_data
def test_only_what_may_train_does() -> None:
    assert MIRROR is not None
    use = {source.name: source.terms["use"] for source in corpora.sources()}
    chosen = corpora.to_learn_from(MIRROR)
    assert chosen and all(use[capture.source] == "train" for capture in chosen)
    assert {capture.role for capture in chosen} == {"traffic"}
    assert {capture.label for capture in chosen} == {"mining", "benign"}
    assert not any(capture.path.name == "mining.pcapng" for capture in chosen)
    assert len({capture.sha256 for capture in chosen}) == len(chosen)


def test_without_public_data_there_is_simulation_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINEWATCH_DATA", str(tmp_path))
    assert corpora.mirror() is None
    assert len(build.recorded_rows(Recipe(jobs=1), None)) == 0
    assert len(corpora.absent(None)) == sum(s.terms["use"] == "train" for s in corpora.sources())


# --- a small manifest

CONTENT = {
    "camp0__aiengine": {"pcaps/a.pcap": b"same", "pcaps/more/b.pcap": b"own"},
    "seladb__PcapPlusPlus": {"a.pcap": b"same"},
    "ntop__nDPI": {"m.pcap": b"mining", "e.pcap": b"evaluate only", "x.pcap": b"ambiguous"},
    "zeek__zeek": {"z.pcap": b"a vector"},
}
TERMS = {
    "ntop__nDPI": 'evaluate_only = ["e.pcap"]\nambiguous = { "x.pcap" = "a node" }\n'
    'mining = { "m.pcap" = { hosts = ["10.0.0.1"], shows = "stratum" } }\n',
    "zeek__zeek": "vectors = true\n",
}


def small_manifest(folder: Path, repository: str = "https://example.invalid/x", within: str = "") -> Path:
    """A manifest of CONTENT."""
    path, lines = folder / "corpora.toml", ["kind\tsource\tpath\tbytes\tsha256"]
    text = ""
    for name, files in CONTENT.items():
        digests = {file: hashlib.sha256(content).hexdigest() for file, content in sorted(files.items())}
        lines += [f"network\t{name}\t{file}\t{len(files[file])}\t{digests[file]}" for file in digests]
        whole = hashlib.sha256("".join(f"{f}\0{d}\n" for f, d in digests.items()).encode()).hexdigest()
        text += f'[network.sources.{name}]\nlicence = "MIT"\nuse = "train"\nlabel = "benign"\n'
        text += f'repository = "{repository}"\ncommit = "c0ffee"\ndigest = "{whole}"\n{within}'
        text += TERMS.get(name, "")
    path.write_text(text, encoding="utf-8")
    path.with_suffix(".tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with the small manifest and, in `mirror`, its sources; the cache is in `cache`."""
    monkeypatch.setattr(corpora, "MANIFEST", small_manifest(tmp_path))
    monkeypatch.setenv("MINEWATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(corpora, "BESIDE", tmp_path / "nowhere")
    monkeypatch.delenv("MINEWATCH_DATA", raising=False)
    for name, files in CONTENT.items():
        for file, content in files.items():
            place = tmp_path / "mirror" / "net" / name / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return tmp_path


def source_named(name: str) -> Source:
    return corpora.sources([name])[0]


def test_each_content_trains_once_and_what_is_left_out_is_left_out_with_its_copies(small: Path) -> None:
    def chosen(*without: str) -> list[str]:
        found = corpora.to_learn_from(small / "mirror", without)
        return [f"{capture.source}/{capture.path.name}:{capture.label}" for capture in found]

    own, first = "camp0__aiengine/b.pcap:benign", "camp0__aiengine/a.pcap:benign"
    miner, second = "ntop__nDPI/m.pcap:mining", "seladb__PcapPlusPlus/a.pcap:benign"
    assert chosen() == [first, own, miner]
    assert chosen("seladb__PcapPlusPlus") == [own, miner]
    assert chosen("camp0__aiengine") == [miner]
    assert second not in chosen("ntop__nDPI")


def test_groups_are_folders_of_benign_captures_and_sources_of_mining_ones(small: Path) -> None:
    groups = {capture.path.name: capture.group for capture in corpora.captures(small / "mirror")}
    assert groups["m.pcap"] == "ntop__nDPI"
    assert groups["b.pcap"] == "camp0__aiengine/more"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("ntop__nDPI]", "stranger__x]", "does not name the source 'ntop__nDPI'"),
        ('digest = "', 'digest = "0', "the digest of camp0__aiengine is not that of its list"),
    ],
)
def test_a_manifest_that_does_not_hold_together_is_refused(
    small: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, text: str
) -> None:
    manifest = corpora.MANIFEST.read_text()
    if "digest" not in old:
        manifest = (
            manifest[: manifest.index("[network.sources.ntop")]
            + manifest[manifest.index("[network.sources.zeek") :]
        )
    corpora.MANIFEST.write_text(manifest.replace(old, new), encoding="utf-8")
    assert corpora.main(["verify"]) == 1
    assert text in capsys.readouterr().err


def test_a_source_that_is_not_named_is_told(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert corpora.main(["verify", "stranger__x"]) == 1
    assert "no source 'stranger__x'" in capsys.readouterr().err


# --- from a mirror


def test_fetch_from_a_mirror_then_verify_then_learn(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert corpora.main(["verify"]) == 1  # nothing there yet
    assert capsys.readouterr().err.count("missing") == 7
    assert corpora.main(["fetch", "--mirror", str(small / "mirror")]) == 0
    assert corpora.main(["verify"]) == 0
    assert corpora.mirror() == corpora.cache()
    names = [f"{c.source}/{c.path.name}" for c in corpora.captures(corpora.cache())]
    assert names == [f"{c.source}/{c.path.name}" for c in corpora.captures(small / "mirror")]
    assert corpora.absent(corpora.cache()) == []
    assert not list(corpora.cache().rglob("*.part*"))
    assert corpora.main(["fetch", "--mirror", str(small / "gone")]) == 0  # all is there: nothing is read


def test_verify_names_the_file_that_differs(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpora.main(["fetch", "--mirror", str(small / "mirror")])
    place = corpora.cache() / "net" / "camp0__aiengine" / "pcaps"
    (place / "a.pcap").write_bytes(b"sane")
    (place / "more" / "b.pcap").unlink()
    capsys.readouterr()
    assert corpora.main(["verify"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "camp0__aiengine/pcaps/a.pcap: differs from the manifest",
        "camp0__aiengine/pcaps/more/b.pcap: missing",
    ]
    assert corpora.absent(corpora.cache()) == ["camp0__aiengine"]


@pytest.mark.parametrize(
    "spoil", [lambda p: p.write_bytes(b"else"), lambda p: p.write_bytes(b"longer"), Path.unlink]
)
def test_a_mirror_that_differs_brings_nothing_of_that_source(
    small: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], object]
) -> None:
    spoil(small / "mirror" / "net" / "camp0__aiengine" / "pcaps" / "a.pcap")
    assert corpora.main(["fetch", "--mirror", str(small / "mirror")]) == 1
    told = capsys.readouterr()
    assert told.err.startswith("camp0__aiengine: ") and len(told.err.splitlines()) == 1
    assert not (corpora.cache() / "net" / "camp0__aiengine").exists()
    assert (corpora.cache() / "net" / "ntop__nDPI" / "m.pcap").is_file()  # nothing else lost
    assert len(list((corpora.cache() / "sources").iterdir())) == 3


def test_a_folder_in_the_way_is_not_replaced(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpora.cache() / "net" / "zeek__zeek").mkdir(parents=True)
    assert corpora.main(["fetch", "--mirror", str(small / "mirror"), "zeek__zeek"]) == 1
    assert "is in the way" in capsys.readouterr().err


# --- from a repository's archive


@contextlib.contextmanager
def serving(answer: bytes, status: int = 200, **headers: str) -> Iterator[str]:
    """A server on this machine that answers everything alike; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may have had enough
                self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/o/r"
        server.shutdown()


def archive(files: dict[str, bytes], top: str = "r-c0ffee/") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(top, b"")
        for name, content in files.items():
            out.writestr(top + name, content)
    return stream.getvalue()


GOOD = CONTENT["camp0__aiengine"]


def download(small: Path, monkeypatch: pytest.MonkeyPatch, repository: str, within: str = "") -> None:
    monkeypatch.setattr(corpora, "MANIFEST", small_manifest(small, repository, within))
    corpora._sources.cache_clear()
    fetching.fetch(source_named("camp0__aiengine"), corpora.cache(), None)


def kept(small: Path) -> bool:
    return (corpora.cache() / "net" / "camp0__aiengine").exists() or any((small / "cache").rglob("a.pcap"))


def test_an_archive_is_downloaded_checked_and_kept(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(archive(GOOD | {"README": b"not wanted"})) as address:
        download(small, monkeypatch, address)
    place = corpora.cache() / "net" / "camp0__aiengine"
    assert {p.relative_to(place).as_posix(): p.read_bytes() for p in place.rglob("*.pcap")} == GOOD
    assert not list(place.rglob("README"))
    assert corpora.differences(source_named("camp0__aiengine"), place) == []


def test_files_below_a_folder_of_the_repository(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(archive({f"Data/{name}": content for name, content in GOOD.items()})) as address:
        download(small, monkeypatch, address, 'within = "Data"\n')
    assert kept(small)


def huge_directory(zipped: bytes) -> bytes:
    at = zipped.rindex(b"PK\x05\x06")
    return zipped[: at + 12] + struct.pack("<L", 1 << 30) + zipped[at + 16 :]


HOSTILE = {
    "another content": (archive(GOOD | {"pcaps/a.pcap": b"sane"}), "differs from the manifest"),
    "a bomb": (archive(GOOD | {"pcaps/a.pcap": bytes(50 << 20)}), "differs from the manifest"),
    "cut short": (archive(GOOD | {"pcaps/a.pcap": b"sam"}), "differs from the manifest"),
    "a file missing": (archive({"pcaps/a.pcap": b"same"}), "is not in the archive"),
    "no archive": (b"<html>blocked by the proxy</html>", "no zip archive"),
    "half an archive": (archive(GOOD)[:100], "no zip archive"),
    "damaged": (archive(GOOD).replace(b"pcaps/a.pcap", b"pcaps/\xff.pcap", 1), "camp0__aiengine: "),
    "a huge table of contents": (huge_directory(archive(GOOD)), "table of contents is too large"),
    "nothing": (b"", "no zip archive"),
    "slips": (archive({f"../../{name}": content for name, content in GOOD.items()}), "is not in the archive"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_leaves_nothing(small: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    content, text = HOSTILE[name]
    before = sorted(path for path in small.rglob("*") if "cache" not in path.parts)
    with serving(content) as address, pytest.raises(CorpusError, match=text) as caught:
        download(small, monkeypatch, address)
    assert str(caught.value).startswith("camp0__aiengine: ") and "\n" not in str(caught.value)
    assert not kept(small)
    assert sorted(path for path in small.rglob("*") if "cache" not in path.parts) == before


def test_a_link_in_an_archive_is_bytes(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO(archive({"pcaps/more/b.pcap": b"own"}))
    with zipfile.ZipFile(stream, "a") as out:
        link = zipfile.ZipInfo("r-c0ffee/pcaps/a.pcap")
        link.external_attr = 0o120777 << 16
        out.writestr(link, "same")
    with serving(stream.getvalue()) as address:
        download(small, monkeypatch, address)
    path = corpora.cache() / "net" / "camp0__aiengine" / "pcaps" / "a.pcap"
    assert not path.is_symlink() and path.read_bytes() == b"same"


def test_what_never_ends_is_cut_off(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "ARCHIVE_LIMIT", 1 << 20)
    with serving(bytes(3 << 20)) as address, pytest.raises(CorpusError, match="larger than 1048576 bytes"):
        download(small, monkeypatch, address)
    assert not kept(small)


@pytest.mark.parametrize(
    "address", ["http://example.org/o/r", "ftp://127.0.0.1/o/r", "file:///etc", "https+x://a/b"]
)
def test_only_https_is_trusted(small: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with pytest.raises(CorpusError, match="only https is trusted"):
        download(small, monkeypatch, address)


@pytest.mark.parametrize(
    "target", ["http://example.org/x.zip", "ftp://127.0.0.1/x.zip", "file:///etc/passwd"]
)
def test_a_redirect_out_of_https_is_refused(
    small: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    with serving(b"", 302, Location=target) as address, pytest.raises(CorpusError):
        download(small, monkeypatch, address)
    assert not kept(small)


def test_no_such_archive_and_no_such_server(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(b"", 404) as address, pytest.raises(CorpusError, match="Not Found"):
        download(small, monkeypatch, address)
    with pytest.raises(CorpusError, match="camp0__aiengine: "):
        download(small, monkeypatch, address)  # gone by now


def test_what_no_archive_holds_says_so(small: Path) -> None:
    terms = {"repository": "https://example.org/x", "mirror_only": "cut anew"}
    with pytest.raises(CorpusError, match=r"x: cannot be downloaded \(cut anew\): use --mirror"):
        fetching.fetch(Source("power", "x", (), terms), corpora.cache(), None)


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "", "a\\b", "a\0b"])
def test_a_path_of_the_manifest_leads_down(path: str) -> None:
    with pytest.raises(CorpusError):
        fetching._safe(path)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_an_archive_is_one_line_or_harmless(small: Path, data: st.DataObject) -> None:
    content = bytearray(archive(GOOD))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    source = source_named("camp0__aiengine")
    with contextlib.suppress(CorpusError), fetching._in_one_line(source):
        opened = fetching._archive(io.BytesIO(bytes(content)))
        for file in source.files:
            with fetching._member(opened, "r-c0ffee/" + file.path, file) as stream:
                stream.read(file.size + 1)
