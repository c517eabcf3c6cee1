"""Names of link types, for the line that says which one nobody here decodes (tcpdump.org/linktypes)."""

from __future__ import annotations

NAMES = {
    3: "AX.25", 6: "token ring", 7: "ARCNET", 8: "SLIP", 99: "Symantec firewall", 106: "ATM (Linux)",
    112: "Cisco HDLC (NetBSD)", 114: "LocalTalk", 123: "ATM (SunATM)", 129: "ARCNET (Linux)",
    139: "MTP2 with header", 140: "MTP2", 141: "MTP3", 142: "SCCP", 143: "DOCSIS", 144: "IrDA",
    147: "user 0", 149: "user 2", 160: "user 13", 162: "user 15", 164: "BACnet MS/TP", 177: "LAPD (Linux)",
    182: "multilink frame relay", 186: "USB (FreeBSD)", 187: "Bluetooth HCI", 189: "USB (Linux, short)",
    195: "802.15.4", 197: "ERF", 201: "Bluetooth HCI with direction", 202: "AX.25 with KISS", 203: "LAPD",
    207: "LAPB with direction", 209: "IPMB (Linux)", 210: "FlexRay", 212: "LIN", 215: "802.15.4 non-ASK",
    217: "GSM Um", 220: "USB (Linux)", 224: "Fibre Channel", 225: "Fibre Channel with delimiters", 227: "CAN",
    230: "802.15.4 without FCS", 231: "D-Bus", 235: "DVB-CI", 247: "InfiniBand", 249: "USB (Windows)",
    251: "Bluetooth LE", 252: "Wireshark upper PDU", 253: "netlink", 254: "Bluetooth monitor",
    256: "Bluetooth LE with header", 264: "ISO 14443", 266: "USB (macOS)", 270: "LoRa", 271: "vsock",
    272: "nRF sniffer", 274: "Ethernet preemption", 283: "802.15.4 with TAP", 288: "USB 2.0", 290: "ETW",
    **dict.fromkeys((*range(130, 138), 167, 168, 174, *range(178, 182), 194, 200), "Juniper"),
}  # fmt: skip


def link_name(link: int) -> str:
    """ "220 (USB (Linux))", or the bare number."""
    return f"{link} ({NAMES[link]})" if link in NAMES else str(link)
