"""Small servers on the loopback that answer, lie, drip or hang."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def http_server(answer: Answer) -> Iterator[tuple[str, list[Any]]]:
    """(its address, what it was asked: (method, path, headers)) while `answer` answers."""
    asked: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.command, self.path, dict(self.headers)))
            with contextlib.suppress(OSError):
                answer(self)

        do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def text(body: str | bytes, status: int = 200, **headers: str) -> Answer:
    """Answers each request with the same body."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        content = body if isinstance(body, bytes) else body.encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def hang(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Takes the request and says nothing."""
    time.sleep(5)


def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
    """A byte at a time, for ever."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port on the loopback that nobody had a moment ago."""
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def wait_for(happened: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether it happened in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if happened():
                return True
        time.sleep(0.1)
    return False
