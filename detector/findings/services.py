"""Coin services that are no mining, by their usual ports: weak facts, which move no score.

A node gossips blocks and a wallet asks for them, on clocks that look like a pool's.  Ports are the
defaults of the reference software: Bitcoin Core (chainparams.cpp), Monero (cryptonote_config.h),
go-ethereum (node/defaults.go), zcashd and Litecoin Core (chainparams.cpp), ElectrumX (SERVICES).
"""

from __future__ import annotations

from typing import Final

from detector.findings import evidence
from detector.findings.ledger import ChannelRecord
from detector.records import TCP, Evidence

NODE: Final = "a full node, which passes blocks on"
WALLET: Final = "a wallet that follows the chain"
PORTS: Final = {
    8333: ("Bitcoin's peers", NODE),
    9333: ("Litecoin's peers", NODE),
    8233: ("Zcash's peers", NODE),
    18080: ("Monero's peers", NODE),
    30303: ("Ethereum's peers", NODE),
    50001: ("Electrum servers", WALLET),
    50002: ("Electrum servers over TLS", WALLET),
    18081: ("Monero's wallets", WALLET),
}


def no_mining(record: ChannelRecord) -> Evidence | None:
    """That a channel on which no words of mining were heard has the port of another coin service."""
    _, port, transport = record.end
    if record.said or transport != TCP or port not in PORTS:
        return None
    whose, what = PORTS[port]
    where = evidence.channel(record)
    return Evidence(
        kind="coin_service",
        weight=0.0,
        summary=f"{evidence.endpoint(where)} has the usual port of {whose}: perhaps {what}, and no miner",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=where,
        facts={"service": whose},
    )
