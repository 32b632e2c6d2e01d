"""A headless Chromium for tests, controlled through its DevTools protocol.

Needs the Debian package chromium and the PyPI package websocket-client.
"""

import json
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_S = 60
NAVIGATED = "Inspected target navigated or closed"


class NavigatedError(Exception):
    """The page went on to another one before it answered."""


class Tab:
    """One page, with the errors that it logs and the addresses that it requests."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket, self._number, self._session = socket, 0, ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        self._socket.send(json.dumps(message | ({"sessionId": self._session} if self._session else {})))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._number:
                if answer.get("error", {}).get("message") == NAVIGATED:
                    raise NavigatedError
                assert "error" not in answer, answer
                return dict(answer["result"])
            self._note(answer.get("method", ""), answer.get("params", {}))

    def open(self, page: Path, width: int, height: int, mobile: bool = False) -> None:
        """Load a file in a window of this size."""
        self.visit(page.as_uri(), width, height, mobile)

    def visit(self, address: str, width: int, height: int, mobile: bool = False) -> None:
        """Load an address, and the page that it goes on to, in a window of this size."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.send("Page.navigate", url=address)
        is_there = f"document.readyState === 'complete' && location.href.startsWith({address.split('?')[0]!r})"
        self.wait(f"{is_there} && !document.querySelector('meta[http-equiv=refresh]')")

    def run(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + TIMEOUT_S
        while not self._holds(condition):
            assert time.monotonic() < deadline, f"timed out waiting for: {condition}"
            time.sleep(0.05)

    def _holds(self, condition: str) -> bool:
        """Whether an expression is true now; not where the page goes on meanwhile."""
        try:
            return bool(self.run(condition))
        except NavigatedError:
            return False

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press and release a key; modifiers: 8 is Shift."""
        code = {"Escape": 27, "Enter": 13, "Tab": 9}.get(key, 0)
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        for event in ("keyDown", "keyUp"):
            extra = text if event == "keyDown" else {}
            self.send(
                "Input.dispatchKeyEvent", type=event, key=key, modifiers=modifiers, windowsVirtualKeyCode=code, **extra
            )

    def screenshot(self, path: Path) -> None:
        """Write a screenshot of the window as PNG."""
        path.write_bytes(b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def _note(self, event: str, params: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.errors.append(str(params["args"]))
        elif event == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(str(params["entry"]))
        elif event == "Network.requestWillBeSent" and not params["request"]["url"].startswith("data:"):
            self.requests.append(str(params["request"]["url"]))


@contextmanager
def browser(profile: Path, *options: str) -> Iterator[Tab]:
    """A tab of a new Chromium process, started with further options, with its profile in an empty folder."""
    program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    assert program is not None, "no Chromium is installed: apt-get install chromium"
    command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    command += [f"--user-data-dir={profile}", "--no-first-run", "--hide-scrollbars", *options, "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = _read(profile / "DevToolsActivePort", process)
        address = "ws://127.0.0.1:{}{}".format(*port.splitlines())
        socket = websocket.create_connection(address, timeout=TIMEOUT_S, suppress_origin=True)
        try:
            yield Tab(socket)
        finally:
            socket.close()
    finally:
        process.terminate()
        process.wait(timeout=30)


def _read(path: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if path.is_file() and len((text := path.read_text()).splitlines()) == 2:
            return text
        time.sleep(0.05)
    raise AssertionError("Chromium did not start")
