"""A real headless Chromium, driven by its own protocol over a pipe; nothing is installed for it."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it refuses to run as root with one; the page is ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
# The protocol wants its pipe as the descriptors 3 and 4, and nothing else of Python sets them.
START = (
    "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 3); os.dup2(w, 4); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
WITHIN_S = 30.0
KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "Tab": ("Tab", 9, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "Home": ("Home", 36, ""),
    "End": ("End", 35, ""),
    "Backspace": ("Backspace", 8, ""),
    "/": ("Slash", 191, "/"),
    "?": ("Slash", 191, "?"),
}


def browser() -> str | None:
    """Where a Chromium is; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One page of one browser."""

    def __init__(self, profile: Path, *, width: int = 1280, height: int = 800) -> None:
        path = browser()
        assert path is not None
        to_read, self._out = _pipe()
        self._in, to_write = _pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(to_read), str(to_write), path, *FLAGS]
            + [f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._n_sent = 0
        self._rest = b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Calls a method of the protocol."""
        self._n_sent += 1
        number = self._n_sent
        message: dict[str, Any] = {"id": number, "method": method, "params": given}
        if self._session is not None:
            message["sessionId"] = self._session
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._out, content) :]
        until = time.monotonic() + WITHIN_S
        while True:
            reply = self._receive(until)
            if reply.get("id") != number:
                self.events.append(reply)
            elif "error" in reply:
                raise RuntimeError(f"{method}: {reply['error']}")
            else:
                return reply["result"]

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        found = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"])
        return found["result"].get("value")

    def until(self, condition: str, within_s: float = 20.0) -> None:
        """Waits until an expression is true, looked at whenever the page is drawn."""
        found = self.evaluate(
            f"new Promise((done) => {{ const end = performance.now() + {within_s * 1000}; "
            f"const look = () => ({condition}) ? done(true) : performance.now() > end ? "
            "done(false) : setTimeout(look, 4); look(); })"
        )
        assert found, f"not so within {within_s} s: {condition}\n{self.text('body')[:2000]}"

    def open(self, url: str) -> None:
        """Loads a page; what stood there before is gone."""
        self.call("Page.navigate", url="about:blank")
        self.loaded("location.href === 'about:blank'")
        self.call("Page.navigate", url=url)
        self.loaded()

    def reload(self) -> None:
        """Loads the page again."""
        self.evaluate("delete document.documentElement.dataset.ready")
        self.call("Page.reload")
        self.loaded()

    def loaded(self, condition: str = "'ready' in document.documentElement.dataset") -> None:
        """Waits for a page that may be about to take another's place."""
        until = time.monotonic() + WITHIN_S
        while True:
            try:
                return self.until(f"document.documentElement && {condition}")
            except RuntimeError:  # the page in which we looked is gone
                if time.monotonic() > until:
                    raise

    def text(self, selector: str) -> str:
        """What stands on an element."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def press(self, key: str, *, ctrl: bool = False) -> None:
        """Presses and lets go of a key."""
        code, number, text = KEYS.get(key) or (f"Key{key.upper()}", ord(key.upper()), key)
        shared = {
            "key": key,
            "code": code,
            "windowsVirtualKeyCode": number,
            "modifiers": 2 if ctrl else 0,
        }
        commands = {"commands": ["selectAll"]} if ctrl and key == "a" else {}
        typed = {} if ctrl or not text else {"text": text}
        self.call("Input.dispatchKeyEvent", type="keyDown", **shared, **typed, **commands)
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def type(self, text: str) -> None:
        """Types characters one after the other."""
        for character in text:
            self.call("Input.dispatchKeyEvent", type="char", text=character, key=character)

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """Sets the size of the window and what colours the person prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, file: Path) -> None:
        """Writes what is seen as a PNG."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(data))

    def complaints(self) -> list[str]:
        """Errors that the page or the browser has told."""
        self.evaluate("0")
        told = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                told.append(json.dumps(params["exceptionDetails"]))
            elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
                told.append(params["entry"]["text"])
            elif event.get("method") == "Page.javascriptDialogOpening":
                told.append(f"dialog: {params['message']}")
        return told

    def close(self) -> None:
        """Ends the browser."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _receive(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            data = os.read(self._in, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are above 9, so that putting them at 3 and 4 takes none away."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]
