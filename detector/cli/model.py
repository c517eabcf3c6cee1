"""`minewatch model`: what a bundle is, whether it is whole, and how it differs from another."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from detector.cli import OK, WRONG, output
from detector.text import printable

if TYPE_CHECKING:
    from detector.model import Bundle

SUMMARY = "show or verify a model bundle, or compare two"
EPILOG = """\
examples:
  minewatch model show
  minewatch model verify my-model/
  minewatch model show my-model.zip --card
  minewatch model compare my-model/             with the shipped one
  minewatch model compare old-model/ new-model/

Without BUNDLE it is the one that ships with the package.  A bundle is data, not code:
loading it checks every digest, every array, and the scores of its reference rows.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which bundles."""
    parser.add_argument("deed", choices=("show", "verify", "compare"), help="what to do")
    parser.add_argument(
        "bundles", nargs="*", metavar="BUNDLE", help="folder or zip (default: the shipped one)"
    )
    parser.add_argument("--card", action="store_true", help="show: the whole model card as well")


def run(args: argparse.Namespace) -> int:
    """Each bundle is loaded, which verifies it; one that fails does not keep the others back."""
    if args.deed == "compare":
        return _compare(args.bundles)
    from detector.bundle import BundleError  # noqa: PLC0415
    from detector.model import Bundle  # noqa: PLC0415

    status = OK
    with output.opened(None) as stream:
        for place in args.bundles or [None]:
            try:
                bundle = Bundle.load(place)
            except BundleError as error:
                output.note(f"minewatch: {printable(error)}")
                status = WRONG
                continue
            lines = shown(bundle) if args.deed == "show" else verified(bundle, place)
            stream.write("".join(f"{printable(line)}\n" for line in lines))
            if args.deed == "show" and args.card:
                stream.write("\n" + "".join(f"{printable(line)}\n" for line in bundle.card.splitlines()))
    return status


def _compare(places: list[str]) -> int:
    """Old and new, or the shipped one and new.  Raises BundleError."""
    from detector.cli.compare import compared  # noqa: PLC0415
    from detector.model import Bundle  # noqa: PLC0415

    if len(places) not in (1, 2):
        output.note("minewatch model compare: name two bundles, or one to compare with the shipped one")
        return WRONG
    old, new = (Bundle.load(place).manifest for place in ([None] * (2 - len(places)) + places))
    with output.opened(None) as stream:
        stream.write("".join(f"{printable(line)}\n" for line in compared(old, new)))
    return OK


def verified(bundle: Bundle, place: str | None) -> Iterator[str]:
    """One line: what was checked."""
    members = len(bundle.manifest["members"]) + 1
    name = place or "shipped bundle"
    yield f"{name}: {bundle.id} is whole: {members} members, digests, arrays and reference scores agree"


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
