"""Ten million window rows through `table.gathered` and the channel model's fit: the peak of memory.

    python -m benchmarks.training_rows [--rows N] [--most N]

Rows are synthetic: drawn from a small simulated corpus with noise, in parts as extraction gives them, of
200 sites of very different size.  Status 1 when the process held more than 8 GB at any time.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator

import numpy as np

from training import build, table

PART = 100_000  # rows
SITES = 200
LIMIT_GB = 8.0


def synthetic(rows: int, seed: int) -> Iterator[table.Rows]:
    """Parts of rows: of a site's channels, twelve windows each, one class a channel."""
    drawn = build.simulated_rows(build.Recipe(examples=200, seed=seed, jobs=1))
    for number in range(0, rows, PART):
        rng = np.random.default_rng([seed, number])
        n = min(PART, rows - number)
        base = rng.integers(len(drawn), size=-(-n // 12)).repeat(12)[:n]
        site = rng.zipf(1.3, size=-(-n // 12)).repeat(12)[:n] % SITES
        example = [f"capture-{number}.pcap:1#{i:080x}" for i in range(-(-n // 12)) for _ in range(12)][:n]
        yield table.Rows(
            values=drawn.values[base] + rng.normal(0, 0.05, (n, drawn.values.shape[1])),
            label=drawn.label[base],
            group=[f"site-{i}" for i in site.tolist()],
            family=[drawn.family[i] for i in base.tolist()],
            source=["synthetic"] * n,
            example=example,
            bucket=drawn.bucket[base],
            words=drawn.words[base],
            simulated=np.ones(n, np.bool_),
            weight=np.ones(n),
            lacks=drawn.lacks[base],
            flow=drawn.flow[base],
        )


def main(words: list[str] | None = None) -> int:
    """Gather, fit, tell; 1 where it took more than LIMIT_GB."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--most", type=int, default=build.Recipe().most_rows, help="rows that are fitted")
    args = parser.parse_args(words)
    started = time.process_time()
    kept = table.gathered(synthetic(args.rows, seed=1), args.most)
    _tell(f"{args.rows} rows gathered, {len(kept)} of them kept", started)
    fitted = build.fit_channel(kept, seed=1)
    peak = _tell(f"fitted, average precision {fitted.metrics['average_precision']:.3f}", started)
    return int(peak > LIMIT_GB)


def _tell(what: str, started: float) -> float:
    """Print what was done, the CPU time and the peak of resident memory; that peak in GB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9  # kilobytes on Linux
    print(f"{what}: {time.process_time() - started:.0f} s CPU, peak {peak:.2f} GB resident", flush=True)
    return peak


if __name__ == "__main__":
    sys.exit(main())
