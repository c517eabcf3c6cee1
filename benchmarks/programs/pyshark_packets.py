"""Addresses, length and time of each packet, by pyshark's defaults: `pyshark_packets.py CAPTURE`."""

import sys

import pyshark

with pyshark.FileCapture(sys.argv[1], keep_packets=False) as capture:
    for packet in capture:
        if "IP" in packet:
            _ = packet.ip.src, packet.ip.dst, packet.length, packet.sniff_timestamp
