"""Chromium by its DevTools protocol: a page, its console, its pictures. Nothing but `websockets` is needed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--no-first-run", "--disable-extensions", "--disable-component-update", "--disable-default-apps",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--remote-debugging-port=0",
    "--autoplay-policy=no-user-gesture-required", "--remote-allow-origins=*", "--hide-scrollbars",
)  # fmt: skip
START_S, WAIT_S = 60.0, 30.0


class Page:
    """One tab."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.number = socket, 0
        self.origins: tuple[str, ...] = ("http://127.0.0.1:", "ws://127.0.0.1:")  # what it may ask
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            message = json.loads(self.socket.recv(timeout=WAIT_S))
            self._note(message)
            if message.get("id") == self.number:
                assert "error" not in message, message
                return dict(message["result"])
        raise AssertionError(f"{method} was not answered")

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:500])
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif message.get("method") == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith((*self.origins, "data:", "blob:")):
                self.complaints.append(f"the page asks for {url}")

    def ask(self, script: str) -> Any:
        """The value of an expression, a promise's too."""
        made = self.do("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in made, made["exceptionDetails"]
        return made["result"].get("value")

    def until(self, script: str, seconds: float = WAIT_S) -> Any:
        """The expression's value once it is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.ask(script):
                return value
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}\n{self.ask('document.body.innerText')}\n{self.complaints}")

    def open(self, url: str, width: int = 1280, height: int = 900) -> None:
        """Go there and wait until it is drawn."""
        self.size(width, height)
        self.do("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && document.querySelectorAll('[role=tab]').length === 4")

    def size(self, width: int, height: int) -> None:
        """Give the window that size; below 500 as a phone."""
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                mobile=width < 500)  # fmt: skip

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Keep what it looks like."""
        data = self.do("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))


@contextmanager
def chromium(*flags: str) -> Iterator[Page]:
    """A page of a fresh Chromium; the test is skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no Chromium here")
    from websockets.sync.client import connect

    with tempfile.TemporaryDirectory(prefix="roundelay-browser-") as folder:
        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={folder}", *flags, "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port = _port(Path(folder) / "DevToolsActivePort", process)
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://127.0.0.1:{port}/json", timeout=20
            ) as answer:
                target = next(each for each in json.load(answer) if each["type"] == "page")
            with connect(target["webSocketDebuggerUrl"], max_size=None, proxy=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
            shutil.rmtree(folder, ignore_errors=True)
            Path(folder).mkdir(exist_ok=True)


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.skip(f"Chromium ended with {process.returncode}")
        if file.exists() and (lines := file.read_text().split()):
            return int(lines[0])
        time.sleep(0.05)
    raise AssertionError("Chromium did not open its port")
