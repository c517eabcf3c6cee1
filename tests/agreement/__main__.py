"""`make agreement`: every public capture against tshark; writes docs/agreement.md and explained.tsv."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor

import detector
from tests.agreement import corpus
from tests.agreement.compare import Agreement, compare
from tests.agreement.reasons import REASONS

REPORT = corpus.ROOT / "docs" / "agreement.md"
_NAMES = {"packets": "packets", "wire": "bytes on the wire", "payload": "payload bytes", "flows": "flows"}
_DOCUMENT = """# Agreement with tshark

Written by `make agreement`; nothing here is typed by hand.

Every public capture is read by minewatch {version} and by {tshark}. Packets, bytes on the wire and payload
bytes of each direction of each flow (addresses, ports, transport) are compared, and the set of flows; the
channels that the meter tells have to be the sums of their flows. tshark reassembles nothing and resolves
nothing, and the innermost TCP or UDP header of each frame counts, headers quoted by ICMP excepted.
A test holds the captures below to their reasons, and a sample of all others to exact agreement.

| | captures |
|---|--:|
| compared | {compared:,} ({packets:,} packets, {flows:,} flows) |
| of them in every number the same | **{exact:,}** ({share:.1%}) |
{quantities}
| with explained differences | {differ:,} |
| with unexplained differences | **{unexplained:,}** |
| that tshark cannot open | {refused:,} |

## Explained differences

A reason is a predicate on what tshark says of a frame (`tests/agreement/reasons.py`). A difference is
explained when frames with a reason, sent by the same address, are at least as many and as large as it is.
Where several reasons hold, the first of this table is told.

{reasons}
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.agreement", description="minewatch beside tshark.")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once (%(default)s)")
    asked = parser.parse_args()
    names = corpus.captures()
    if not names:
        sys.exit(f"no public captures at {corpus.DATA} (set MINEWATCH_DATA)")
    with ProcessPoolExecutor(asked.jobs) as pool:
        agreements = list(pool.map(_one, names, chunksize=8))
    corpus.write_explained({a.name: set(a.explained) for a in agreements if a.explained})
    REPORT.write_text(document(agreements), encoding="utf-8")
    for agreement in agreements:
        for line in agreement.unexplained:
            print(f"{agreement.name}: {line}")
    print(f"{len(agreements)} captures: {REPORT.relative_to(corpus.ROOT)}")
    return int(any(agreement.unexplained for agreement in agreements))


def _one(name: str) -> Agreement:
    return compare(corpus.DATA / name, name)


def document(agreements: Sequence[Agreement]) -> str:
    """docs/agreement.md."""
    compared = [a for a in agreements if not a.refused]
    exact = sum(a.exact and not a.unexplained for a in compared)
    return _DOCUMENT.format(
        version=detector.__version__,
        tshark=_version(),
        compared=len(compared),
        packets=sum(a.packets for a in compared),
        flows=sum(a.flows for a in compared),
        exact=exact,
        share=exact / len(compared),
        quantities="\n".join(
            f"| of them in {told} | {sum(a.equal[name] for a in compared):,} |"
            for name, told in _NAMES.items()
        ),
        differ=sum(bool(a.explained) and not a.unexplained for a in compared),
        unexplained=sum(bool(a.unexplained) for a in compared),
        refused=len(agreements) - len(compared),
        reasons=_reasons(compared),
    )


def _reasons(compared: Iterable[Agreement]) -> str:
    """A row a reason: what it is, how often, and an example."""
    captures: dict[str, list[str]] = {name: [] for name in REASONS}
    directions: Counter[str] = Counter()
    for agreement in compared:
        directions.update(agreement.explained)
        for name in agreement.explained:
            captures[name].append(agreement.name)
    lines = ["| reason | why | captures | directions of flows | example |", "|---|---|--:|--:|---|"]
    for name, reason in REASONS.items():
        if captures[name]:
            example = min(captures[name], key=len)
            lines.append(
                f"| {name} | {reason.why} | {len(captures[name]):,} | {directions[name]:,} | `{example}` |"
            )
    return "\n".join(lines)


def _version() -> str:
    done = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split()[:3]).replace("TShark (Wireshark)", "tshark")


if __name__ == "__main__":
    sys.exit(main())
