"""All families by name.  Adding one is a function, and its `Family` in the file's `FAMILIES`."""

from __future__ import annotations

from training.simulation import (
    dialogues_http,
    dialogues_login,
    dialogues_own,
    dialogues_relatives,
    dialogues_stratum,
    dialogues_sv2,
    lookalikes_bulk,
    lookalikes_chain,
    lookalikes_datagram,
    lookalikes_event,
    lookalikes_peers,
    lookalikes_people,
    lookalikes_poll,
    lookalikes_push,
    lookalikes_rpc,
    lookalikes_stream,
    lookalikes_work,
    rhythms,
)
from training.simulation.families import BENIGN, MINING, Family

FAMILIES: tuple[Family, ...] = (
    *dialogues_stratum.FAMILIES,
    *dialogues_relatives.FAMILIES,
    *dialogues_login.FAMILIES,
    *dialogues_own.FAMILIES,
    *dialogues_sv2.FAMILIES,
    *dialogues_http.FAMILIES,
    *rhythms.FAMILIES,
    *lookalikes_push.FAMILIES,
    *lookalikes_stream.FAMILIES,
    *lookalikes_event.FAMILIES,
    *lookalikes_poll.FAMILIES,
    *lookalikes_rpc.FAMILIES,
    *lookalikes_work.FAMILIES,
    *lookalikes_chain.FAMILIES,
    *lookalikes_peers.FAMILIES,
    *lookalikes_people.FAMILIES,
    *lookalikes_bulk.FAMILIES,
    *lookalikes_datagram.FAMILIES,
)
_BY_NAME = {family.name: family for family in FAMILIES}
MINING_FAMILIES = tuple(family.name for family in FAMILIES if family.label == MINING)
BENIGN_FAMILIES = tuple(family.name for family in FAMILIES if family.label == BENIGN)


def family_named(name: str) -> Family:
    """Raises KeyError for an unknown name."""
    return _BY_NAME[name]
