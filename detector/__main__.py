"""The entry point: `minewatch`, and `python -m detector`.

It imports nothing before it can take a Ctrl-C: an interrupt while the rest is being
loaded ends in one line, too.
"""

import os
import sys


def main() -> int:
    """Run the command line.  Returns the exit status."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # else numpy starts threads that nothing here uses
    try:
        from detector.cli import main as run  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.stderr.write("minewatch: interrupted\n")
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
