"""HTTP/1 framing of JSON bodies: RFC 9112 (messages), RFC 7617 (Basic authentication)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.dissectors.contract import Envelope
from detector.dissectors.http import HEAD_LIMIT, HttpStream

BODY = b'{"id":1}'
POST = (
    b"POST /p?x=1 HTTP/1.1\r\nHost: Pool.Example.org:80\r\nuser-agent: cgminer 3.7.2\r\n"
    b"Content-Length: 8\r\n\r\n" + BODY
)
REQUEST = Envelope(request=True, target="/p?x=1", host="pool.example.org", agent="cgminer 3.7.2")
OK = Envelope(request=False, status=200)


def read(data: bytes, step: int | None = None) -> list[object]:
    stream, parts = HttpStream(), []
    for start in range(0, len(data), step or max(len(data), 1)):
        parts += stream.feed(data[start : start + (step or len(data))])
    return parts


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (POST * 2, [({"id": 1}, REQUEST)] * 2),
        (POST.replace(b"\r\n", b"\n"), [({"id": 1}, REQUEST)]),
        (b"GET / HTTP/1.1\r\n\r\n" + POST, [({}, Envelope(request=True, target="/")), ({"id": 1}, REQUEST)]),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n"
            + BODY[:4]
            + b"\r\n4\r\n"
            + BODY[4:]
            + b"\r\n0\r\nT: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
            [({"id": 1}, OK)],
        ),
        (b"HTTP/1.0 200 OK\r\n\r\n" + BODY + b"\n", [({"id": 1}, OK)]),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", [({}, OK)]),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n" + b'[{"id":1},{"id":2}]',
            [({"id": 1}, OK), ({"id": 2}, OK)],
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<p>hi</p>", [({}, OK)]),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + BODY + b"garbage!", [({"id": 1}, OK)]),
    ],
)
def test_messages(data: bytes, expected: list[object]) -> None:
    for step in (None, 1, 7):
        assert read(data, step) == expected


@pytest.mark.parametrize(
    ("token", "user"),
    [
        (base64.b64encode(b"bob.rig:hunter2").decode(), "bob.rig"),
        (base64.b64encode(b"hunter2").decode(), None),
        ("%%%", None),
        ("", None),
    ],
)
def test_only_the_users_name_is_kept(token: str, user: str | None) -> None:
    data = POST.replace(b"\r\n\r\n", f"\r\nAuthorization: Basic {token}\r\n\r\n".encode(), 1)
    ((_, envelope),) = HttpStream().feed(data)
    assert envelope is not None and envelope.user == user and "hunter2" not in repr(envelope)


def test_lost_bytes_cost_a_message() -> None:
    stream = HttpStream()
    stream.feed(b"POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\n" + BODY[:3])
    stream.lose()
    assert stream.feed(b'rest of a body"}' + POST) == [({"id": 1}, REQUEST)]


def test_long_body_is_told_at_once_and_passed_over() -> None:
    body = b'{"a":"' + b"x" * 100_000 + b'"}'
    data = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body + POST
    cut = ({}, Envelope(request=False, status=200, cut=True))
    assert read(data) == read(data, 1000) == [cut, ({"id": 1}, REQUEST)]


def test_head_is_bounded() -> None:
    stream = HttpStream()
    stream.feed(b"POST / HTTP/1.1\r\n")
    for _ in range(100):
        stream.feed(b"X" * 1000)
        assert stream.held <= HEAD_LIMIT + 1000


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_any_body_and_length(body: bytes, length: bytes) -> None:
    for field in (b"Content-Length: ", b"Transfer-Encoding: chunked\r\nX: "):
        data = b"POST / HTTP/1.1\r\n" + field + length + b"\r\n\r\n" + body + POST
        assert read(data) == read(data, 1)
