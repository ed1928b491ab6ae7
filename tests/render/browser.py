"""A real Chromium without a window, told what to do over two pipes (https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE_S = 180
_KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowRight": 39}


class Page:
    """A page in a tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.requests: list[str] = []
        """URLs that were asked for."""
        self.complaints: list[str] = []
        """Errors, also those of the page's policy."""

    def send(self, method: str, **parameters: Any) -> Any:
        """A command of the protocol, and its answer."""
        return self._browser.send(method, parameters, self._session, self)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives; a promise is waited for."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, url: str) -> None:
        """Goes to a page and waits until it is ready."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send("Page.navigate", url=url)
        self.value(
            "new Promise(done => { const look = () => document.documentElement?.dataset.ready === 'yes'"
            " ? done() : setTimeout(look, 10); look(); })"
        )

    def press(self, key: str) -> None:
        """Presses a key."""
        text = key if len(key) == 1 else ""
        code = _KEYS.get(key, ord(key[0]))
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=code)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        """Types a text where the focus is."""
        self.send("Input.insertText", text=text)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """``mousePressed``, ``mouseReleased``, ``mouseMoved``, ``mouseWheel``."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        """A click with the left button."""
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", buttons=1, clickCount=1)

    def note(self, method: str, event: dict[str, Any]) -> None:
        """Keeps what a test may ask about."""
        if method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(event["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(event["exceptionDetails"]))


class Browser:
    """A Chromium."""

    def __init__(self, send: int, receive: int) -> None:
        self._send = send
        self._receive = receive
        self._number = 0
        self._rest = b""

    def page(self) -> Page:
        """A new tab."""
        target = self.send(
            "Target.createTarget", {"url": "about:blank", "newWindow": True, "width": 1200, "height": 800}
        )["targetId"]
        attached = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})
        return Page(self, attached["sessionId"])

    def cpu_s(self) -> float:
        """CPU time of all its processes until now."""
        return sum(one["cpuTime"] for one in self.send("SystemInfo.getProcessInfo", {})["processInfo"])

    def send(self, method: str, parameters: dict[str, Any], session: str = "", page: Page | None = None) -> Any:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._send, data) :]
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            if page is not None and answer.get("sessionId") == session and "method" in answer:
                page.note(answer["method"], answer["params"])

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._receive], [], [], _PATIENCE_S)[0], "Chromium doesn't answer"
            data = os.read(self._receive, 1 << 20)
            assert data, "Chromium has ended"
            self._rest += data
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message


@contextmanager
def chromium() -> Iterator[Browser]:
    """Starts a Chromium that reaches no network, and ends it."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    assert found, "these tests need Chromium: apt-get install chromium"
    home = Path(tempfile.mkdtemp(prefix="roar-chromium-"))
    words = [
        found, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={home}", "--remote-debugging-pipe", "about:blank",
    ]  # fmt: skip
    ends = (*os.pipe(), *os.pipe())
    commands, send, receive, answers = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, commands, 3), (os.POSIX_SPAWN_DUP2, answers, 4)]
    actions += [(os.POSIX_SPAWN_DUP2, null, stream) for stream in range(3)]
    env = {**os.environ, "HOME": str(home)}
    pid = os.posix_spawn(found, words, env, file_actions=actions, setpgroup=0)
    os.close(commands)
    os.close(answers)
    os.close(null)
    try:
        yield Browser(send, receive)
    finally:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(send)
        os.close(receive)
        shutil.rmtree(home, ignore_errors=True)
