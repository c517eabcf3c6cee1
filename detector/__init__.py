"""minewatch finds cryptocurrency mining in network captures, flow logs and power readings.

Captured bytes and exported flow logs become channel windows, power readings become
power windows, windows become feature vectors, vectors become scores, scores become
findings, findings become alerts.  Each room of this package is one step of that
sentence; imports point one way along it, and input and output stand at its two ends.
"""

__version__ = "0.1.0"
