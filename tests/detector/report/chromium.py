"""A headless Chromium over its own pipe (Chrome DevTools Protocol), with nothing but the standard library.

Protocol: https://chromedevtools.github.io/devtools-protocol/; `--remote-debugging-pipe` reads messages
of JSON, each ended by a zero byte, from file descriptor 3 and writes them to 4.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

BINARY = shutil.which("chromium") or shutil.which("google-chrome")
DEADLINE_S = 60


class Chromium:
    """One page at a time.  Use it in a `with`."""

    def __init__(self) -> None:
        self._profile = tempfile.TemporaryDirectory()
        asked, told = os.pipe(), os.pipe()
        command = [
            str(BINARY), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--remote-debugging-pipe", f"--user-data-dir={self._profile.name}",
        ]  # fmt: skip
        # dup2 in the shell, so that the ends are 3 and 4 whatever numbers they have here
        shell = f'exec "$@" 3<&{asked[0]} 4>&{told[1]}'
        self._process = subprocess.Popen(
            ["timeout", str(4 * DEADLINE_S), "bash", "-c", shell, "chromium", *command],
            pass_fds=(asked[0], told[1]),
            stderr=subprocess.DEVNULL,
        )
        os.close(asked[0])
        os.close(told[1])
        self._to, self._from = os.fdopen(asked[1], "wb"), os.fdopen(told[0], "rb")
        self._numbers = itertools.count(1)
        self._waiting = b""
        self.events: list[dict[str, Any]] = []
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        flat = {"targetId": target, "flatten": True}
        self._session: str | None = None
        self._session = self._call("Target.attachToTarget", flat)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self._to.close()
        self._process.terminate()
        self._process.wait(DEADLINE_S)
        self._from.close()
        self._profile.cleanup()

    def _call(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters or {}}
        if getattr(self, "_session", None):
            message["sessionId"] = self._session
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while True:
            told = self._next()
            if told.get("id") == number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                answer: dict[str, Any] = told["result"]
                return answer
            self.events.append(told)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            piece = os.read(self._from.fileno(), 1 << 20)
            if not piece:
                raise RuntimeError("Chromium has ended")
            self._waiting += piece
        line, _, self._waiting = self._waiting.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def open(self, path: Path, width: int = 1200, height: int = 900) -> None:
        """Load a file, and wait until it is there."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", size)
        self.events.clear()
        self._call("Page.navigate", {"url": path.as_uri()})
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def media(self, media: str = "screen", scheme: str = "light") -> None:
        """`screen` or `print`, `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", {"media": media, "features": features})

    def run(self, script: str) -> Any:
        """The value of an expression; a promise's when it comes."""
        told = self._call(
            "Runtime.evaluate", {"expression": script, "returnByValue": True, "awaitPromise": True}
        )
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"])
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """One key of the keyboard: Tab, Enter."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            event = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
            self._call("Input.dispatchKeyEvent", event | (text if kind == "keyDown" else {}))

    def picture(self, path: Path, whole: bool = True) -> None:
        """A PNG of the page."""
        told = self._call("Page.captureScreenshot", {"captureBeyondViewport": whole})
        path.write_bytes(base64.b64decode(told["data"]))

    def paper(self, path: Path) -> None:
        """The page as PDF, A4."""
        self._call("Emulation.setEmulatedMedia", {"media": ""})  # print, as paper has it
        size = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        path.write_bytes(base64.b64decode(self._call("Page.printToPDF", size)["data"]))
