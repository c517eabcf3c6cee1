"""The only room that judges: scores and facts -> verdicts, evidence, counter-evidence, energy.

`Ledger` remembers what was scored of each host; `judge` turns it into findings.
"""

from detector.findings.ledger import Ledger, Newest, PowerRecord
from detector.findings.verdict import judge

__all__ = ["Ledger", "Newest", "PowerRecord", "judge"]
