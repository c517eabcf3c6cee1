"""The only room that judges: scores and facts -> verdicts, evidence, counter-evidence, energy.

`Ledger` remembers what was scored of each host; `judge` turns it into findings.
"""

from detector.findings.course import without_course
from detector.findings.ledger import Ledger, Newest, PowerRecord
from detector.findings.metered import LIKELIER
from detector.findings.verdict import judge

__all__ = ["LIKELIER", "Ledger", "Newest", "PowerRecord", "judge", "without_course"]
