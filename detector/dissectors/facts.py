"""How the facts of two stretches of one channel become one.

`merge_facts` is associative, so that facts may be joined in any grouping as long as
their order in time is kept: counts add, the first known name stays, the more specific
dialect stays, the newest difficulty stays.
"""

from __future__ import annotations

from dataclasses import replace

from detector.dissectors.coins import UNKNOWN
from detector.records import Facts

GENERAL = "stratum"
"""The dialect that others refine: what only spoke the common vocabulary may turn out to be a variant."""


def merge_facts(a: Facts | None, b: Facts | None) -> Facts | None:
    """Facts of `a` and `b`, `a` the earlier; None is nothing seen."""
    if a is None or b is None:
        return b if a is None else a
    return add_facts(replace(a), replace(b))


def add_facts(a: Facts | None, b: Facts | None) -> Facts | None:
    """As `merge_facts`, but `a` becomes the facts of both and `b` is used up.

    For what comes with every message: an object less, and a quarter of the time.
    """
    if a is None or b is None:
        return b if a is None else a
    share_names(a, b)
    a.logins += b.logins
    a.requests += b.requests
    a.jobs += b.jobs
    a.shares += b.shares
    a.accepted += b.accepted
    a.rejected += b.rejected
    a.errors += b.errors
    if b.difficulty is not None:
        a.difficulty = b.difficulty
    return a


def share_names(earlier: Facts, later: Facts) -> None:
    """Give both the names that either knows, those of `earlier` first."""
    if earlier.dialect == GENERAL:
        earlier.dialect = later.dialect
    if earlier.client_is_a is None:
        earlier.client_is_a = later.client_is_a
    if earlier.coin == UNKNOWN:
        earlier.coin = later.coin
    later.dialect, later.client_is_a, later.coin = earlier.dialect, earlier.client_is_a, earlier.coin
    earlier.algorithm = later.algorithm = earlier.algorithm or later.algorithm
    earlier.agent = later.agent = earlier.agent or later.agent
    earlier.pool = later.pool = earlier.pool or later.pool
    earlier.wallet = later.wallet = earlier.wallet or later.wallet
    earlier.worker = later.worker = earlier.worker or later.worker
    earlier.server_mines = later.server_mines = earlier.server_mines or later.server_mines
    earlier.carrier = later.carrier = earlier.carrier or later.carrier


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
