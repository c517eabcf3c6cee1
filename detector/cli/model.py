"""`minewatch model`: what a bundle is, whether it is whole and signed, and how it differs from another."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.cli import OK, WRONG, output
from detector.text import printable

if TYPE_CHECKING:
    from detector.model import Bundle
    from detector.signing import Trust

SUMMARY = "show, verify or sign a model bundle, or compare two"
EPILOG = """\
examples:
  minewatch model show
  minewatch model verify my-model/
  minewatch model show my-model.zip --card
  minewatch model compare my-model/             with the shipped one
  minewatch model compare old-model/ new-model/
  minewatch model compare old-model/ new-model/ monday.pcap nodes.csv     host by host

  openssl genpkey -algorithm ed25519 -out key.pem && openssl pkey -in key.pem -pubout -out public.pem
  minewatch model sign my-model/ --key key.pem
  minewatch model verify my-model/ --public-key public.pem
  minewatch score capture.pcap --model my-model/ --public-key public.pem

Without BUNDLE it is the one that ships with the package; `default` names it, too.  A bundle is
data, not code: loading it checks every digest, every array, and the scores of its reference rows.
A signature (Ed25519, over the manifest with all digests) says who made it; [model] public_key and
oldest in a settings file ask for one whenever a bundle is loaded.  Signatures need the package
cryptography: pip install 'minewatch[signing]'.
"""
DEFAULT = "default"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which bundles."""
    parser.add_argument("deed", choices=("show", "verify", "compare", "sign"), help="what to do")
    told = "folder or zip (default: the shipped one); compare: and then captures or readings to score"
    parser.add_argument("bundles", nargs="*", metavar="BUNDLE", help=told)
    parser.add_argument("--card", action="store_true", help="show: the whole model card as well")
    parser.add_argument("--key", type=Path, metavar="FILE", help="sign: Ed25519 private key (PEM)")
    told = "refuse a bundle that this Ed25519 key did not sign (PEM)"
    parser.add_argument("--public-key", metavar="FILE", default="", help=told)
    told = "refuse a signed bundle that was created earlier"
    parser.add_argument("--oldest", metavar="DATE", default="", help=told)


def run(args: argparse.Namespace) -> int:
    """Each bundle is loaded, which verifies it; one that fails does not keep the others back."""
    from detector.bundle import BundleError  # noqa: PLC0415
    from detector.model import Bundle  # noqa: PLC0415
    from detector.signing import Trust  # noqa: PLC0415

    trust = Trust.of(args.public_key, args.oldest)
    if args.deed == "compare":
        return _compare(args.bundles, trust)
    if args.deed == "sign":
        return _sign(args)
    status = OK
    with output.opened(None) as stream:
        for place in args.bundles or [None]:
            try:
                bundle = Bundle.load(_place(place), trust)
            except BundleError as error:
                output.note(f"minewatch: {printable(error)}")
                status = WRONG
                continue
            lines = shown(bundle) if args.deed == "show" else verified(bundle, place, args.public_key)
            stream.write("".join(f"{printable(line)}\n" for line in lines))
            if args.deed == "show" and args.card:
                stream.write("\n" + "".join(f"{printable(line)}\n" for line in bundle.card.splitlines()))
    return status


def _place(name: str | None) -> str | None:
    return None if name == DEFAULT else name


def _sign(args: argparse.Namespace) -> int:
    """Put the signature into the bundle.  Raises BundleError, SigningError, OSError."""
    from detector import bundle, signing  # noqa: PLC0415

    if args.key is None or len(args.bundles) != 1:
        output.note("minewatch model sign: name one BUNDLE and --key FILE")
        return WRONG
    path = Path(args.bundles[0])
    bundle.write(path, signing.sign(bundle.read(path), args.key))
    with output.opened(None) as stream:
        stream.write(f"{printable(path)}: signed\n")
    return OK


def _compare(places: list[str], trust: Trust | None) -> int:
    """Old and new, or the shipped one and new; with paths host by host.  Raises BundleError."""
    from detector.cli.compare import compared, hosts_compared  # noqa: PLC0415
    from detector.model import Bundle  # noqa: PLC0415

    if not places:
        output.note("minewatch model compare: name two bundles, or one to compare with the shipped one")
        return WRONG
    named = [None, places[0]] if len(places) == 1 else places[:2]
    old, new = (Bundle.load(_place(place), trust) for place in named)
    lines = list(compared(old.manifest, new.manifest))
    status = OK
    if places[2:]:
        told, problems = hosts_compared(old, new, tuple(places[2:]))
        lines += ["", *told]
        for problem in problems:
            output.note(f"minewatch: {printable(problem)}")
            status = WRONG
    with output.opened(None) as stream:
        stream.write("".join(f"{printable(line)}\n" for line in lines))
    return status


def verified(bundle: Bundle, place: str | None, key: str = "") -> Iterator[str]:
    """One line: what was checked."""
    members = len(bundle.manifest["members"]) + 1
    name = place or "shipped bundle"
    yield f"{name}: {bundle.id} is whole: {members} members, digests, arrays and reference scores agree"
    if key:
        yield f"{name}: signed by {key}"


def shown(bundle: Bundle) -> Iterator[str]:
    """The manifest, as a person reads it."""
    manifest = bundle.manifest
    yield f"id              {bundle.id}"
    yield f"digest          sha256:{bundle.digest}"
    yield f"schema digest   sha256:{bundle.schema_digest}"
    yield f"made            {manifest['created']} with {_pairs(manifest['libraries'])}"
    for kind, about in manifest["models"].items():
        yield ""
        yield f"{kind}: {len(about['features'])} features"
        yield f"  thresholds    {_pairs(about['thresholds'])}"
        rest = {key: about[key] for key in about if key not in {"features", "thresholds", "schema_digest"}}
        for key, value in rest.items():
            yield from _tree(key, value, 1)
    for key in manifest:
        if key not in {"id", "digest", "created", "libraries", "models", "members", "format"}:
            yield ""
            yield from _tree(key, manifest[key], 0)


def _tree(key: str, value: Any, depth: int) -> Iterator[str]:
    """Nested tables as indented lines; lists are counted, not listed, when they are long."""
    indent = "  " * depth
    if isinstance(value, Mapping) and any(isinstance(item, Mapping | list) for item in value.values()):
        yield f"{indent}{key}"
        for name, item in value.items():
            yield from _tree(str(name), item, depth + 1)
    elif isinstance(value, Mapping):
        yield f"{indent}{key:<{max(1, 14 - 2 * depth)}}{' ' * 2}{_pairs(value)}"
    elif isinstance(value, list) and len(value) > 12:
        yield f"{indent}{key:<{max(1, 14 - 2 * depth)}}  {len(value)} entries"
    else:
        told = ", ".join(str(item) for item in value) if isinstance(value, list) else value
        yield f"{indent}{key:<{max(1, 14 - 2 * depth)}}  {told}"


def _pairs(table: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_rounded(value)}" for key, value in table.items())


def _rounded(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
