"""What differs between two bundles, as a person reads it: `minewatch model compare OLD NEW [PATH...]`.

Of a manifest only a part is checked when a bundle is loaded; the rest may have any shape, so it
is compared leaf by leaf, whatever it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from detector.text import grouped, plural, probability

if TYPE_CHECKING:
    from detector.model import Bundle
    from detector.records import Finding

SHOWN = 20  # names of a list, lines of a section
STEP = 0.05  # a score that moved by so much is told, though the verdict is the same
RATE = {"count", "n", "low", "high", "value"}  # a share with its bound is one leaf
LEFT_OUT = (
    "id",
    "digest",
    "created",
    "format",
    "members",
    "models",
)  # told elsewhere, or follow from the rest


def compared(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """The lines that tell manifest `new` from `old`."""
    for name, manifest in (("old", old), ("new", new)):
        yield f"{name}  {manifest['id']}, made {manifest['created']}, digest {str(manifest['digest'])[:16]}"
    if old["digest"] == new["digest"]:
        yield "the same bundle, to the byte"
        return
    for kind in dict.fromkeys([*old["models"], *new["models"]]):
        before, after = old["models"].get(kind, {}), new["models"].get(kind, {})
        for part in sorted({*before, *after} - {"schema_digest"}):
            yield from _section(f"{kind} {part.replace('_', ' ')}", before.get(part), after.get(part))
    for part in sorted({*old, *new} - {*LEFT_OUT, "schema_digest"}):
        yield from _section(part.replace("_", " "), old.get(part), new.get(part))
    yield ""
    yield "metrics are those of each bundle's own data; minewatch evaluate measures both on the same labels"


def hosts_compared(old: Bundle, new: Bundle, paths: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Lines that tell what both say of the hosts of `paths`, and what of these could not be read."""
    from detector.pipeline import Request, score  # noqa: PLC0415

    results = [score(Request(paths=paths), bundle=bundle) for bundle in (old, new)]
    return list(moved(results[0].findings, results[1].findings)), results[1].problems


def moved(old: Sequence[Finding], new: Sequence[Finding]) -> Iterator[str]:
    """One line a host whose verdict changed, then those whose score alone moved, furthest first."""
    before = {(one.kind, one.host): one for one in old}
    pairs = [(before[one.kind, one.host], one) for one in new if (one.kind, one.host) in before]
    otherwise = [(a, b) for a, b in pairs if a.verdict is not b.verdict]
    scored = [(a, b) for a, b in pairs if a.verdict is b.verdict and _step(a, b) >= STEP]
    told = f"{grouped(len(otherwise))} with another verdict, {grouped(len(scored))} with another score"
    yield f"{plural(len(pairs), 'host')}: {told}"
    for listed in (otherwise, scored):
        for a, b in sorted(listed, key=lambda pair: -_step(*pair)):
            yield f"  {a.host}  {a.verdict} {probability(a.score)} -> {b.verdict} {probability(b.score)}"


def _step(old: Finding, new: Finding) -> float:
    return abs((old.score or 0.0) - (new.score or 0.0))


def _section(title: str, old: Any, new: Any) -> Iterator[str]:
    """What differs in one part; nothing where nothing does."""
    if _is_names(old) and _is_names(new):
        lines = list(_names(old, new))
    else:
        before, after = dict(_leaves(old)), dict(_leaves(new))
        changed = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
        lines = [f"{key} {before.get(key, 'none')} -> {after.get(key, 'none')}".strip() for key in changed]
    if lines:
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"  and {grouped(len(lines) - SHOWN)} more"


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _names(old: list[str], new: list[str]) -> Iterator[str]:
    gone, fresh = [name for name in old if name not in new], [name for name in new if name not in old]
    for said, names in (("gone", gone), ("new", fresh)):
        if names:
            more = f" and {grouped(len(names) - SHOWN)} more" if len(names) > SHOWN else ""
            yield f"{said} ({grouped(len(names))}): {', '.join(names[:SHOWN])}{more}"
    if old != new and not gone and not fresh:
        yield "the same in another order"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted path, value as shown) of everything in a tree of JSON; named items of a list by their name."""
    if isinstance(value, Mapping) and set(value) == RATE:
        yield path, _rate(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            name = item.get("name", number) if isinstance(item, Mapping) else number
            yield from _leaves(item, f"{path}.{name}" if path else str(name))
    elif value is not None:
        yield path, f"{value:.4g}" if isinstance(value, float) else str(value)


def _rate(rate: Mapping[str, Any]) -> str:
    low, high = rate["low"], rate["high"]
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return f"{rate['count']} of {rate['n']}"
    return f"{rate['count']} of {rate['n']} ({low:.2%} to {high:.2%})"
