"""What carries a dialogue in the clear: WebSocket frames, and tunnels through SOCKS5 and HTTP CONNECT.

Sources: RFC 6455 (WebSocket), RFC 1928 and 1929 (SOCKS5), RFC 9110 section 9.3.6 (CONNECT).
"""

from __future__ import annotations

from training.simulation.draw import Draw
from training.simulation.script import DOWN, UP, Link

Write = tuple[float, int, bytes]
TUNNELS = ("socks5", "connect")
_NAME = b"stream.example.net"
_PORT = (443).to_bytes(2, "big")


def opened(draw: Draw, tunnel: str, link: Link) -> list[Write]:
    """The opening of a tunnel, one of TUNNELS; the proxy takes its time to reach the service."""
    reaches_s = link.rtt_s + draw.log_uniform(0.01, 0.3)
    if tunnel == "connect":
        line = b"CONNECT %b:443 HTTP/1.1\r\nHost: %b:443\r\n\r\n" % (_NAME, _NAME)
        return [(0.001, UP, line), (0.001 + reaches_s, DOWN, b"HTTP/1.1 200 Connection established\r\n\r\n")]
    asks = b"\x05\x01\0\x03" + bytes([len(_NAME)]) + _NAME + _PORT
    if draw.chance(0.3):  # the client resolves the name itself
        asks = b"\x05\x01\0\x01" + draw.randbytes(4) + _PORT
    chosen = 0.001 + link.rtt_s
    return [
        (0.001, UP, b"\x05\x01\0"),
        (chosen, DOWN, b"\x05\0"),
        (chosen + 0.001, UP, asks),
        (chosen + 0.001 + reaches_s, DOWN, b"\x05\0\0\x01\0\0\0\0\0\0"),
    ]


def upgraded(draw: Draw, link: Link) -> list[Write]:
    """A WebSocket's opening in the clear."""
    agent = draw.pick((b"", b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nOrigin: http://example.net\r\n"))
    asks = (
        b"GET /%b HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%b"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b==\r\n\r\n"
        % (draw.base36(draw.whole(0, 9)).encode(), _NAME, agent, draw.base58(22).encode())
    )
    answer = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b=\r\n\r\n" % draw.base58(27).encode()
    )
    return [(0.001, UP, asks), (0.003 + link.rtt_s, DOWN, answer)]


def frame_size(size: int, way: int) -> int:
    """What a frame adds to a message: two bytes, a longer length field, a mask from the client."""
    return 2 + (0 if size < 126 else 2 if size < 65_536 else 8) + (4 if way == UP else 0)


def framed(draw: Draw, message: bytes, way: int) -> bytes:
    """One text message as one frame, masked where a client sends it."""
    size, mask_bit = len(message), 0x80 if way == UP else 0
    head = bytes((0x81, mask_bit | (size if size < 126 else 126 if size < 65_536 else 127)))
    if size >= 126:
        head += size.to_bytes(2 if size < 65_536 else 8, "big")
    if way != UP:
        return head + message
    mask = draw.randbytes(4)
    pad = (mask * (size // 4 + 1))[:size]
    hidden = int.from_bytes(message, "big") ^ int.from_bytes(pad, "big")
    return head + mask + hidden.to_bytes(size, "big")
