"""What an undecided host lacks, cause by cause, and what to collect next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detector.findings import metered
from detector.findings.answering import Answered, why_undecided
from detector.findings.case import MIN_READINGS, Case
from detector.text import plural

if TYPE_CHECKING:
    from detector.findings.roster import HostRecord
    from detector.records import Missing

ONLY_ANSWERED = "only_answered"
ENOUGH = "ten minutes of its traffic tell nearly all that traffic tells"


@dataclass(frozen=True, slots=True)
class Lack:
    """One cause, and what would tell."""

    cause: str
    collect: str
    summary: str = ""  # of a host that has no other line

    def told(self) -> Missing:
        """As findings hold it."""
        return {"cause": self.cause, "collect": self.collect}


def unscored(record: HostRecord, wanted: int, answered: Answered | None) -> Lack:
    """Why nothing of a host could be scored.  wanted: messages that a channel must hold.
    answered: what was judged at those who asked it."""
    if record.power and not record.packets:
        some = plural(record.power.readings, "reading")
        return Lack(
            "few_readings",
            "days of readings, so that a load is seen to come and to stay",
            f"{some} of the meter, {MIN_READINGS} are needed: record longer to tell",
        )
    if not record.asked:
        return Lack(
            ONLY_ANSWERED,
            "its traffic with the outside, where there is any: capture at its port or at the border",
            why_undecided(answered),
        )
    if record.one_way:
        return Lack(
            "one_way",
            "both directions: mirror both, of every link that its traffic may take",
            "only one direction of its traffic was captured: capture both to tell",
        )
    most = f"at most {record.most_messages} messages on a channel, {wanted} are needed"
    return Lack("few_messages", ENOUGH, f"{most}: record longer to tell")


def undecided(case: Case, strange: bool) -> list[Lack]:
    """What a host lacks that was scored and can still not be told, the weightiest first."""
    lacks = []
    if case.power and not case.channels:
        lacks.append(Lack("power_alone", metered.wanted(case.power.description, case.worked)))
        lacks.append(Lack("no_traffic", f"a capture of what hangs behind the meter: {ENOUGH}"))
    if case.forgotten:
        lacks.append(Lack("silence", "power readings, or traffic for longer: it may rest, or be gone"))
    if strange:
        lacks.append(Lack("unlike_training", "labelled examples of it, for minewatch train"))
    if case.channels and case.power is None:
        lacks.append(Lack("no_power", "power readings of the host, joined to it by the asset map"))
    if case.channels and not lacks:
        lacks.append(Lack("between", "names (DNS, TLS) and traffic for longer"))
    return lacks
