"""Names of link types, for the line that says which one nobody here decodes (tcpdump.org/linktypes)."""

from __future__ import annotations

NAMES = {
    3: "AX.25", 6: "token ring", 7: "ARCNET", 8: "SLIP", 9: "PPP", 10: "FDDI", 50: "PPP in HDLC framing",
    51: "PPPoE", 100: "ATM", 104: "Cisco HDLC", 105: "802.11", 107: "frame relay", 109: "IPsec (OpenBSD)",
    114: "LocalTalk", 117: "OpenBSD pf log", 119: "802.11 with Prism header", 122: "IP over Fibre Channel",
    127: "802.11 with radiotap", 129: "ARCNET (Linux)", 138: "FireWire", 140: "MTP2",
    141: "MTP3", 142: "SCCP",
    143: "DOCSIS", 144: "IrDA", 147: "user 0", 149: "user 2", 162: "user 15", 163: "802.11 with AVS header",
    166: "PPP with direction", 177: "LAPD", 182: "multilink frame relay", 187: "Bluetooth HCI",
    189: "USB (Linux, short)", 192: "per-packet information", 195: "802.15.4", 197: "ERF",
    201: "Bluetooth HCI with direction", 203: "LAPD with direction", 204: "PPP with direction",
    205: "Cisco HDLC with direction", 209: "I2C", 215: "802.15.4 non-ASK", 220: "USB (Linux)",
    225: "infiniband",
    227: "CAN", 230: "802.15.4 without FCS", 239: "netfilter log", 247: "infiniband", 249: "USB (Windows)",
    251: "Bluetooth LE", 252: "Wireshark upper PDU", 253: "netlink", 254: "Bluetooth monitor",
    256: "Bluetooth LE with header", 258: "PKTAP", 264: "ISO 14443", 266: "USB (macOS)", 272: "nRF sniffer",
    274: "Ethernet with preamble", 288: "USB 2.0",
}  # fmt: skip


def link_name(link: int) -> str:
    """ "220 (USB (Linux))", or the bare number."""
    return f"{link} ({NAMES[link]})" if link in NAMES else str(link)
