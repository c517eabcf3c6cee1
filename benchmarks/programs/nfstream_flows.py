"""A capture to flows with statistics, without nDPI: `nfstream_flows.py CAPTURE`."""

import sys

from nfstream import NFStreamer

if __name__ == "__main__":  # it starts its meters by importing this file
    streamer = NFStreamer(source=sys.argv[1], statistical_analysis=True, n_dissections=0, n_meters=1)
    for _ in streamer:
        pass
