"""A pcap to packet and byte counts of each 5-tuple, in a dict: `dpkt_flows.py CAPTURE`."""

import sys
from collections import Counter

import dpkt

packets: Counter[tuple[object, ...]] = Counter()
n_bytes: Counter[tuple[object, ...]] = Counter()
with open(sys.argv[1], "rb") as file:
    for _, frame in dpkt.pcap.Reader(file):
        try:
            ip = dpkt.ethernet.Ethernet(frame).data
            flow = (ip.src, ip.dst, ip.data.sport, ip.data.dport)
        except (AttributeError, dpkt.UnpackError):
            continue
        packets[flow] += 1
        n_bytes[flow] += len(frame)
