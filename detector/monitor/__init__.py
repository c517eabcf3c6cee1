"""The live loop: sources that are still being written -> the same windows, features and model -> changes.

In here: `plan` (what to watch), `sources` (captures), `holdback` (order over sources),
`changes` (what is worth telling), `watch` (the loop), `journal` (where it is told),
`relay` (a syslog server), `signals`.
"""

from detector.monitor.journal import Journal
from detector.monitor.plan import Plan, load
from detector.monitor.relay import Relay
from detector.monitor.signals import Stop
from detector.monitor.watch import Outcome, Watch

__all__ = ["Journal", "Outcome", "Plan", "Relay", "Stop", "Watch", "load"]
