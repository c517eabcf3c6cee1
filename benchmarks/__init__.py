"""Speed beside the peers that are installed, in one run: `python -m benchmarks --help`."""
