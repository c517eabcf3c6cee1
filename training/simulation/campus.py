"""The campus hour: an hour of a small site's traffic with two miners among ordinary hosts and look-alikes.

**Simulated by this project.**  Who is who stands in `site`; addresses of remotes are from the
documentation ranges.  Bulk packets are cut at 80 bytes as a site with little disk would cut them;
clear dialogues stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from training.simulation import site
from training.simulation.conversation import simulate
from training.simulation.draw import Draw
from training.simulation.frames import LINK_ETHERNET, Ends, Packets
from training.simulation.pcap import WHOLE, gzipped, pcap_bytes
from training.simulation.script import UP, Link

HOUR_S = 3_600.0
CUT = 80
_GATEWAY = b"\x02\x00\x5e\x14\x00\x01"
_DNS = "10.20.0.2"


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation of the hour."""

    client: str
    family: str
    server: str
    port: int
    wrap: str
    start_s: float = 0.0
    length_s: float = HOUR_S
    snap: int = CUT
    note: str = ""
    variant: int = 0  # seed of the conversation's parameters, or of the first that is quiet enough
    most: int = 900  # packets, roughly
    least: int = 1  # client messages: a miner that hands in shares


MINERS = (
    Talk(site.MINER_CLEAR, "cryptonote", "203.0.113.45", 3333, "none", 240, 3_300, WHOLE,
         "a CPU miner in the clear: login, jobs, shares (CryptoNote)", 17, 1_500, 100),
    Talk(site.MINER_ENCRYPTED, "kawpow", "198.51.100.77", 443, "tls13", 0, 3_600, WHOLE,
         "a GPU miner inside TLS 1.3: only lengths and rhythm show it", 46, 1_500, 100),
)  # fmt: skip
LOOKALIKES = (
    *(Talk(site.BITCOIN_NODE, "bitcoin_node", f"192.0.2.{20 + peer}", 8333, "none", 300 * peer, 900, CUT,
           "a Bitcoin full node: relays, does not mine", 100 * peer) for peer in range(4)),
    *(Talk(f"10.20.0.{110 + client}", "json_rpc_service", site.JSON_RPC_SERVICE, 8545, "none", 60 * client,
           1_500, WHOLE, "asks the JSON-RPC service", 100 * client) for client in range(3)),
    Talk(site.JSON_RPC_SERVICE, "web3_rpc", "192.0.2.90", 8545, "none", 30, 1_200, WHOLE,
         "a JSON-RPC service and its own node: same words, no mining", 3),
    Talk(site.CHAT_CLIENT, "team_chat", "198.51.100.20", 443, "wss", 0, HOUR_S, 160,
         "a chat client: one long connection with small messages", 1),
    Talk(site.BACKUP_CLIENT, "backup", "198.51.100.200", 443, "tls13", 600, 1_500, CUT,
         "a backup: heavy and steady upload", 2, 3_500),
    Talk(site.AI_TRAINING, "metrics_push", "10.20.0.5", 2003, "none", 0, HOUR_S, 200,
         "trains a network: metrics on a timer, data from the store", 1),
    Talk(site.AI_TRAINING, "download", "10.20.0.6", 9000, "tls13", 900, 1_200, CUT,
         "trains a network: metrics on a timer, data from the store", 3),
)  # fmt: skip
ORDINARY = (
    ("browsing", 443, "tls13"), ("video", 443, "tls13"), ("ssh_interactive", 22, "opaque"),
    ("ssh_idle", 22, "opaque"),
    ("mqtt_telemetry", 8883, "tls12"), ("iot_cloud", 8883, "tls12"), ("imap_idle", 993, "tls13"),
    ("long_poll", 443, "tls13"), ("notifications", 5223, "tls12"), ("quic_web", 443, "opaque"),
    ("dashboard", 443, "wss"), ("http_poll", 80, "none"), ("desktop_rest", 3389, "tls12"),
    ("game_lobby", 443, "tls13"),
    ("electrum", 50002, "tls13"), ("update_checker", 443, "tls12"),
)  # fmt: skip


def talks(seed: int) -> list[Talk]:
    """Everything said in the hour: the planted conversations, and a few ordinary ones for each person."""
    draw = Draw(f"campus/{seed}")
    found = [*MINERS, *LOOKALIKES]
    for index, (family, port, wrap) in enumerate(ORDINARY):
        client, start, length = site.ORDINARY[index], draw.uniform(0, 900), draw.uniform(900, 2_600)
        found.append(
            Talk(client, family, f"203.0.113.{100 + index}", port, wrap, start, length, variant=index)
        )
        second, inside = draw.pick((("browsing", "tls13"), ("browsing", "tls13"), ("quic_web", "opaque")))
        remote, start = f"198.51.100.{30 + index}", draw.uniform(0, 2_400)
        found.append(Talk(client, second, remote, 443, inside, start, 600, variant=50 + index, most=800))
    for index, client in enumerate(sorted({talk.client for talk in found})):
        start = draw.uniform(0, 600)
        found.append(Talk(client, "dns", _DNS, 53, "none", start, 2_400, WHOLE, variant=70 + index, most=900))
        if index % 3 == 0:
            found.append(Talk(client, "time_sync", _DNS, 123, "none", 0, HOUR_S, WHOLE, variant=70 + index))
    return found


def campus_hour(seed: int) -> bytes:
    """The hour as a gzipped pcap; equal seeds give equal bytes."""
    packets = Packets.together([packets_of(talk, seed) for talk in talks(seed)])
    packets = packets.only(packets.time < HOUR_S)
    epoch_ns = int(site.HOUR_START.timestamp()) * 10**9
    return gzipped(pcap_bytes(packets, LINK_ETHERNET, epoch_ns))


def truth_rows() -> list[tuple[str, str, str]]:
    """(host, label, note) of every home host; label is mining, benign or look-alike."""
    rows = {talk.client: (talk.client, "mining", talk.note) for talk in MINERS}
    for talk in LOOKALIKES:
        label = "look-alike" if talk.client not in site.ORDINARY else "benign"
        rows.setdefault(talk.client, (talk.client, label, talk.note))
    for index, client in enumerate(site.ORDINARY[: len(ORDINARY)]):
        rows.setdefault(client, (client, "benign", ORDINARY[index][0].replace("_", " ")))
    return [rows[client] for client in sorted(rows, key=lambda text: int(IPv4Address(text)))]


def packets_of(talk: Talk, seed: int) -> Packets:
    """The packets of one conversation; its parameters are the first that keep it within `talk.most`."""
    link = Link(0.0008, 0.002) if talk.server.startswith("10.") else Link(0.031, 0.008)
    for variant in range(talk.variant, talk.variant + 200):
        number = seed * 1000 + variant
        made = simulate(
            talk.family, number, duration_s=talk.length_s, wrap=talk.wrap, tunnel="", whole=True, link=link
        )
        ways = [write[1] for connection in made.connections for write in connection.writes]
        fits = 2 * len(ways) <= talk.most and ways.count(UP) >= talk.least
        if fits and made.until_s > 0.9 * talk.length_s:
            break
    packets = made.packets([_ends(talk)] * made.remotes, talk.snap)
    packets.time += talk.start_s
    return packets


def _ends(talk: Talk) -> Ends:
    client = IPv4Address(talk.client)
    mac = b"\x02\x00\x5e\x14\x01" + client.packed[-1:]
    return Ends(client, IPv4Address(talk.server), 0, talk.port, (mac, _GATEWAY), None, (64, 55))
