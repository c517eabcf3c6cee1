"""The compiled core: bytes of captures to channel windows, row arithmetic, tree walk.

The road of a packet: `frames` walks the records of a capture and decodes their frames into
descriptors in `decoding` (`linklayers` with `links`, `tunnels`, `fragments`; all read bytes
by `wire`); `channels` takes those into the tables: found in `entries`, TCP put in order in
`transport`, its payload cut into messages in `payload` (`slots` frees what is forgotten);
`summaries` makes rows of the messages (`summary`).  All that is Cython in pure-Python mode:
the same sources run uncompiled with the same results, about a hundred times slower.
MINEWATCH_UNCOMPILED=1 asks for that.  A module in a folder is compiled into the extension
that uses it (setup.py).

`meter` joins the steps; `layout` says what a row holds.  `hashing` numbers keys (`index`)
and `packing` keeps rows in little memory (`packed`) for those who take the rows.  `hellos`
and `answers` read TLS handshakes and DNS for the dissectors.
"""

import importlib.util
import os
import sys
from pathlib import Path

_CYTHONIZED = (  # in the order of their imports
    "linklayers", "tunnels", "fragments", "interfaces", "frames", "views", "slots", "channels", "summaries",
    "trees", "hashing", "packing", "hellos", "answers",
)  # fmt: skip


def _load_sources() -> None:
    """Puts the .py sources in place of the extensions, which an import would prefer."""
    for name in _CYTHONIZED:
        path = Path(__file__).with_name(f"{name}.py")
        spec = importlib.util.spec_from_file_location(f"{__name__}.{name}", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"no source at {path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        globals()[name] = module


if os.environ.get("MINEWATCH_UNCOMPILED", "") not in {"", "0"}:
    _load_sources()

from detector.kernel import channels as _channels  # noqa: E402
from detector.kernel import frames as _frames  # noqa: E402
from detector.kernel.meter import Counters, Meter, Payload  # noqa: E402
from detector.kernel.packets import Packet  # noqa: E402
from detector.kernel.peek import Peek  # noqa: E402
from detector.kernel.rows import merge_rows, turn_rows  # noqa: E402

COMPILED: bool = not any(str(module.__file__).endswith(".py") for module in (_frames, _channels))
"""Whether the extensions are in use."""

if not COMPILED and "MINEWATCH_UNCOMPILED" not in os.environ:
    sys.stderr.write("minewatch: the core is not compiled here: the same results, about 100 times slower\n")

__all__ = ["COMPILED", "Counters", "Meter", "Packet", "Payload", "Peek", "merge_rows", "turn_rows"]
