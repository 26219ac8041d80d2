"""A headless Chromium driven by its DevTools protocol over a pair of pipes: no driver program and no package needed.

Commands and events: https://chromedevtools.github.io/devtools-protocol. A message is JSON ended by a zero byte.
"""

import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OFFLINE = (
    "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --hide-scrollbars --remote-debugging-pipe"
)
PATIENCE = 60  # seconds


def chromium() -> str | None:
    """The browser: what $CHROMIUM says, or the first of the usual names on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


in_browser = pytest.mark.skipif(chromium() is None, reason="no Chromium: put one on the path or name it in $CHROMIUM")


class Page:
    """One tab. `requests` are the addresses it asked for, `complaints` what it said on the console as it failed."""

    def __init__(self, commands: IO[bytes], replies: IO[bytes]) -> None:
        self._commands, self._replies = commands, replies
        self._count, self._buffer, self._session = 0, b"", ""
        self._events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The browser's reply to a command. Raises: RuntimeError where it refuses."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            reply = self._receive()
            if reply.get("id") == self._count:
                if "error" in reply:
                    raise RuntimeError(f"{method}: {reply['error']}")
                return reply["result"]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._replies], [], [], PATIENCE)
            part = self._replies.read(1 << 20) if ready else b""
            if not part:
                raise RuntimeError(f"the browser {'is gone' if ready else f'said nothing for {PATIENCE} s'}")
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        self._events += [message] if "method" in message else []
        return message

    def wait_for(self, method: str) -> None:
        while not any(event["method"] == method for event in self._events):
            self._receive()

    def close(self) -> None:
        self._session = ""
        self.call("Browser.close")

    def open(self, file: Path) -> None:
        """Load a file to its end."""
        self._events.clear()
        self.call("Page.navigate", url=file.resolve().as_uri())
        self.wait_for("Page.loadEventFired")

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression. Raises: RuntimeError with what it threw."""
        reply = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in reply:
            raise RuntimeError(f"{expression}: {reply['exceptionDetails']}")
        return reply["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """A key goes down and up, as from a keyboard: whatever has the focus gets it."""
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", **named, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def look(self, width: int = 1100, media: str = "", scheme: str = "light") -> None:
        """Set the width of the window in CSS pixels, the medium and the colour scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    @property
    def requests(self) -> list[str]:
        sent = (event["params"] for event in self._events if event["method"] == "Network.requestWillBeSent")
        return [params["request"]["url"] for params in sent if not params["request"]["url"].startswith("data:")]

    @property
    def complaints(self) -> list[str]:
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [json.dumps(event["params"])[:500] for event in self._events if event["method"] in kinds]


@contextmanager
def browser(program: str) -> Iterator[Page]:
    """A browser with one tab, ended with its profile when the block is left."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, *OFFLINE.split(), f"--user-data-dir={profile}", "about:blank"]
        child = subprocess.Popen(
            ["sh", "-c", 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null', *command],  # commands on 3, replies on 4
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        page = Page(child.stdin, child.stdout)
        try:
            yield page
        finally:
            page.close()
            child.wait(timeout=20)
