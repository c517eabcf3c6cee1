"""How the facts of two stretches of one channel become one.

`merge_facts` is associative, so that facts may be joined in any grouping as long as
their order in time is kept: counts add, the first known name stays, the more specific
dialect stays, the newest difficulty stays.
"""

from __future__ import annotations

from detector.dissectors.coins import UNKNOWN
from detector.records import Facts

GENERAL = "stratum"
"""The dialect that others refine: what only spoke the common vocabulary may turn out to be a variant."""


def merge_facts(a: Facts | None, b: Facts | None) -> Facts | None:
    """Facts of `a` and `b`, `a` the earlier; None is nothing seen."""
    if a is None or b is None:
        return b if a is None else a
    return Facts(
        dialect=b.dialect if a.dialect == GENERAL else a.dialect,
        client_is_a=b.client_is_a if a.client_is_a is None else a.client_is_a,
        coin=b.coin if a.coin == UNKNOWN else a.coin,
        algorithm=a.algorithm or b.algorithm,
        agent=a.agent or b.agent,
        pool=a.pool or b.pool,
        wallet=a.wallet or b.wallet,
        worker=a.worker or b.worker,
        server_mines=a.server_mines or b.server_mines,
        carrier=a.carrier or b.carrier,
        logins=a.logins + b.logins,
        requests=a.requests + b.requests,
        jobs=a.jobs + b.jobs,
        shares=a.shares + b.shares,
        accepted=a.accepted + b.accepted,
        rejected=a.rejected + b.rejected,
        difficulty=a.difficulty if b.difficulty is None else b.difficulty,
        errors=a.errors + b.errors,
    )


def names_of(facts: Facts) -> Facts:
    """What stays true of a connection in later windows: the names, without counts and difficulty."""
    return Facts(
        dialect=facts.dialect,
        client_is_a=facts.client_is_a,
        coin=facts.coin,
        algorithm=facts.algorithm,
        agent=facts.agent,
        pool=facts.pool,
        wallet=facts.wallet,
        worker=facts.worker,
        server_mines=facts.server_mines,
        carrier=facts.carrier,
    )
