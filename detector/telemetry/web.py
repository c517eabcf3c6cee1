"""One read request over HTTP, bounded in time and size, and the credentials that go with it.

An answer that sends us elsewhere is not followed: what the user named is what is asked.
Credentials come from the environment (`MINEWATCH_POWER_TOKEN`, or `MINEWATCH_POWER_USER` and
`MINEWATCH_POWER_PASSWORD`): an address stands in the list of processes and in reports.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from detector.telemetry.contract import TelemetryError
from detector.text import printable

if TYPE_CHECKING:
    from detector.streams import Stream

MAX_BYTES: Final = 256 << 20
TIMEOUT_S: Final = 30.0  # without a byte
DEADLINE_S: Final = 300.0  # for a whole answer, however slowly it drips
_PIECE: Final = 1 << 16


def get_json(url: str, where: str, post: bytes | None = None) -> Any:
    """What an http(s) address answers, as JSON.  Raises TelemetryError, which begins with `where`."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise TelemetryError(f"{where}: not an http or https address")
    request = urllib.request.Request(url, post, {"Accept": "application/json", **_authorization()})  # noqa: S310
    opener = urllib.request.build_opener(_NoRedirect())
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return parse_json(_bounded(answer, where), where)
    except urllib.error.HTTPError as error:
        with error:
            raise TelemetryError(f"{where}: {_refusal(error)}") from error
    except urllib.error.URLError as error:
        raise TelemetryError(f"{where}: {_reason(error.reason)}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, TelemetryError):
            raise
        raise TelemetryError(f"{where}: {_reason(error)}") from error


def parse_json(data: bytes, where: str) -> Any:
    """JSON of untrusted bytes.  Raises TelemetryError."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else "not JSON"
        raise TelemetryError(f"{where}: {what}") from error


def whole(stream: Stream) -> bytes:
    """All bytes of a file of JSON.  Raises TelemetryError above 256 MiB, OSError."""
    data = bytearray()
    while piece := stream.read(_PIECE):
        data += piece
        if len(data) > MAX_BYTES:
            raise TelemetryError(f"{stream.path}: JSON of more than {MAX_BYTES >> 20} MiB; split it")
    return bytes(data)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects within the same server are followed, others are errors."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:  # noqa: PLR0917  as the library calls it
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            raise urllib.error.HTTPError(req.full_url, code, "sends us to another server", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _authorization() -> dict[str, str]:
    token = os.environ.get("MINEWATCH_POWER_TOKEN")
    user, password = os.environ.get("MINEWATCH_POWER_USER"), os.environ.get("MINEWATCH_POWER_PASSWORD")
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user is not None and password is not None:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        return {"Authorization": f"Basic {pair}"}
    return {}


def _bounded(answer: Any, where: str) -> bytes:
    data, until = bytearray(), time.monotonic() + DEADLINE_S
    while piece := answer.read1(_PIECE):
        data += piece
        if len(data) > MAX_BYTES:
            raise TelemetryError(f"{where}: an answer of more than {MAX_BYTES >> 20} MiB; ask for less")
        if time.monotonic() > until:
            raise TelemetryError(f"{where}: the answer is not over after {DEADLINE_S:.0f} s")
    return bytes(data)


def _refusal(error: urllib.error.HTTPError) -> str:
    """HTTP status, and what the server says if it says it as Prometheus does."""
    if 300 <= error.code < 400:
        return f"HTTP {error.code}: sends us to another server; name that one if you trust it"
    hint = "; set MINEWATCH_POWER_TOKEN, or ..._USER and ..._PASSWORD" if error.code in (401, 403) else ""
    try:
        told = json.loads(error.read(_PIECE)).get("error", "")
    except (OSError, ValueError, AttributeError, http.client.HTTPException, RecursionError):
        told = ""
    return f"HTTP {error.code}" + (f": {printable(told, 200)}" if told else "") + hint


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__ if isinstance(error, http.client.HTTPException) else "cannot be reached"
