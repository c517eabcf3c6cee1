"""The entry point: `minewatch`, and `python -m detector`.

It imports nothing before it can take a Ctrl-C: an interrupt while the rest is being
loaded ends in one line, too.
"""

import sys


def main() -> int:
    """Run the command line.  Returns the exit status."""
    try:
        from detector.cli import main as run  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.stderr.write("minewatch: interrupted\n")
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
