"""Capture: bytes of packet captures, from where they lie into the meter's room.  I/O, no decoding.

`files` reads what was recorded.  Types are told by content, never by name.
"""

from detector.capture.files import CaptureError, first_ns, read

__all__ = ["CaptureError", "first_ns", "read"]
