"""What the kernel looks for: words of mining dialects in payload, ports of services.

Words flag a connection, whose payload is then shown to the dissectors; a flag is no
judgement.  Ports only help to tell client from server where no SYN was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.kernel import tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS: Final = (
    b"mining.",  # Stratum V1, ZIP 301, EthereumStratum
    b'"jsonrpc"',  # pushes of eth-proxy hold no other word; plain JSON-RPC is ignored once dissected
    b"eth_submit",
    b"eth_getWork",
    b"eth_login",
    b"getwork",
    b"getblocktemplate",
    b"submitblock",
    b"getjob",  # CryptoNote; getjobtemplate of Grin
    b'"login"',
    b'"submit"',
    b'"job"',
    b'"blob"',
    b"job_id",
    b"seed_hash",
    b"keepalived",
    b"set_extranonce",  # Kaspa leaves out the prefix
    b"X-Mining",
    b"XMRig",
    b"xmrig",
    b"NiceHash",
    b"EthereumStratum",
    b"ckb_",  # Nervos
    b"pow_hash",
    b"JOB,",  # Duino-Coin
    b"Sec-WebSocket-",  # a client's messages are masked
    b'"STATUS":[{',  # management: cgminer, in JSON and plain; XMRig, T-Rex, lolMiner, ethminer
    b"STATUS=S,When=",
    b'"worker_id"',
    b'"accepted_count"',
    b"lolMiner",
    b"miner_getstat",
    # Stratum V2: SetupConnection from its length's upper bytes on (protocol 0, version 2 to 2, the
    # eight flags there are; protocols 1 and 2), and headers of messages whose length is fixed.
    *(b"\0\0\0\x02\0\x02\0" + bytes([flags]) + b"\0\0\0" for flags in range(8)),
    b"\0\0\x01\x02\0\x02\0",
    b"\0\0\x02\x02\0\x02\0",
    b"\0\x80\x1a\x18\0\0",  # SubmitSharesStandard
    b"\0\x80\x1c\x14\0\0",  # SubmitShares.Success
    b"\0\x80\x15\x2d\0\0",  # NewMiningJob, future
    b"\0\x80\x15\x31\0\0",  # NewMiningJob, active
    b"\0\x80\x20\x30\0\0",  # SetNewPrevHash
)
"""At least four bytes each (the scan stops three before the end)."""

SERVICES: Final = (
    1080, 1194, 1433, 1521, 1723, 1883, 1935, 2049, 2181, 2375, 2376, 3000, 3128, 3268, 3306, 3333, 3389,
    3478, 4369, 4444, 4500, 5000, 5060, 5061, 5222, 5223, 5228, 5432, 5555, 5601, 5671, 5672, 5683, 5900,
    5938, 6379, 6443, 6660, 6667, 6697, 7777, 8000, 8008, 8080, 8081, 8086, 8088, 8090, 8333, 8443, 8545,
    8883, 8888, 9000, 9001, 9042, 9090, 9092, 9100, 9200, 9300, 9418, 9999, 10250, 11211, 13416, 14433,
    14444, 18080, 18081, 18089, 25565, 27017, 30303, 34254, 50051,
)  # fmt: skip
"""Registered or customary ports of services from 1024 up, below the ephemeral range."""


def search_tables() -> tuple[NDArray[Any], ...]:
    """Services by port, and what `channels` looks for words with.

    A word is found by four of its bytes, its anchor.  Of the three pairs of neighbours in it the
    second table has a bit each, the third says whether four bytes are an anchor; then come the text
    of the words and, for each word, where it starts and where its anchor does (one start more).
    """
    services = np.zeros(1 << 16, np.uint8)
    services[list(SERVICES)] = 1
    pairs = np.zeros(tables.PAIR_MASK + 1, np.uint8)
    anchors = np.zeros(1 << 12, np.uint8)
    starts = [0, 0]
    for word in WORDS:
        at = _anchor(word, pairs)
        for offset in range(3):
            pairs[_pair(word, at + offset)] |= 1 << offset
        number = int.from_bytes(word[at : at + 4], "little")
        anchors[(number * tables.SPREAD & tables.MASK32) >> 20] = 1
        starts[-1] = at
        starts += [starts[-2] + len(word), 0]
    text = np.frombuffer(b"".join(WORDS), np.uint8).copy()
    return services, pairs, anchors, text, np.array(starts, np.int64)


def _pair(word: bytes, at: int) -> int:
    return (word[at] ^ word[at + 1] << 5) & tables.PAIR_MASK


def _anchor(word: bytes, pairs: NDArray[Any]) -> int:
    """Where the four bytes start that add the fewest pairs, none of two zeros: too much has those."""

    def cost(at: int) -> int:
        new = sum(pairs[_pair(word, at + i)] == 0 for i in range(3))
        return int(new) + 100 * (b"\0\0" in word[at : at + 4])

    return min(range(len(word) - 3), key=cost)
