"""The entry point takes a Ctrl-C from its first moment on."""

from __future__ import annotations

import subprocess
import sys

_INTERRUPTED = """
import sys
unlucky = sys.argv.pop(1)
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == unlucky:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
from detector.__main__ import main
sys.exit(main())
"""


def test_an_interrupt_while_anything_is_loaded_is_one_line() -> None:
    for module in ("detector.cli", "argparse", "detector.cli.score", "detector.pipeline", "numpy"):
        command = [sys.executable, "-c", _INTERRUPTED, module, "score", "nothing.pcap"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (130, "minewatch: interrupted\n"), module
