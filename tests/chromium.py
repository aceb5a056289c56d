"""Chromium by its own driver, for tests that look at a page as a reader does.

Only what the W3C WebDriver protocol and the browser's debugging protocol give; no further package.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
PATIENCE = 120.0
ATTEMPTS = 10
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}

_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

_KEYS: dict[str, dict[str, Any]] = {
    "Enter": {"text": "\r", "windowsVirtualKeyCode": 13},
    "Tab": {"windowsVirtualKeyCode": 9},
}


def views_of(size: str, *, dark: bool) -> list[Any]:
    """Every size in light and dark, for `parametrize`; all but the given one are long runs."""
    return [
        pytest.param(
            name, shade, id=f"{name}-{'dark' if shade else 'light'}",
            marks=() if (name, shade) == (size, dark) else pytest.mark.deep,
        )
        for name in SIZES
        for shade in (False, True)
    ]  # fmt: skip


class Browser:
    """A window of some size; `messages` and `requests` are those since the last look."""

    def __init__(self, port: int, profile: Path, *, width: int, height: int, dark: bool) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._session = ""
        options = {
            "args": [*_ARGUMENTS, f"--user-data-dir={profile}", f"--window-size={width},{height}"],
            "binary": BROWSER,
        }
        logs = {"browser": "ALL", "performance": "ALL"}
        wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": logs}}
        answer = self._call("POST", "/session", {"capabilities": wanted})
        self._session = f"/session/{answer['sessionId']}"
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.debug("Emulation.setDeviceMetricsOverride", size)
        if dark:
            feature = {"name": "prefers-color-scheme", "value": "dark"}
            self.debug("Emulation.setEmulatedMedia", {"features": [feature]})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the driver on this machine
            self._base + self._session + path, data, {"Content-Type": "application/json"}
        )
        request.method = method
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as reply:  # noqa: S310
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()[:2_000]) from error

    def debug(self, command: str, parameters: dict[str, Any] | None = None) -> Any:
        """A command of the browser's debugging protocol."""
        body = {"cmd": command, "params": parameters or {}}
        return self._call("POST", "/goog/cdp/execute", body)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a piece of JavaScript returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def open(self, page: Path) -> None:
        """Open a file and wait until it says that it is ready; fails when it says otherwise."""
        self.requests()
        self._call("POST", "/url", {"url": page.as_uri()})
        state = "const d = document.documentElement.dataset; return [d.ready, d.failed];"
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            ready, failed = self.run(state)
            assert failed is None, failed
            if ready is not None:
                return
            time.sleep(0.05)
        raise AssertionError(f"{page.name} was not ready: {self.messages()}")

    def visit(self, url: str) -> None:
        """Open an address, without waiting for what its scripts do."""
        self._call("POST", "/url", {"url": url})

    def until(self, script: str, *arguments: Any, seconds: float = PATIENCE) -> Any:
        """What a piece of JavaScript returns, once that is something; fails when it never is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(AssertionError):  # in between two pages
                if found := self.run(script, *arguments):
                    return found
            time.sleep(0.05)
        text = self.run("return document.body.innerText")
        raise AssertionError(f"never: {script}\n{self.messages()}\n{text[:3_000]}")

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            for kind in ("keyDown", "keyUp"):
                event = {"type": kind, "key": key, "code": key, **_KEYS.get(key, {})}
                if len(key) == 1:
                    event["text"] = key
                self.debug("Input.dispatchKeyEvent", event)

    def messages(self) -> list[str]:
        """What the console got."""
        return [item["message"] for item in self._call("POST", "/se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        """Addresses that pages asked for, those of the browser's own pages left out."""
        logged = self._call("POST", "/se/log", {"type": "performance"})
        events = [json.loads(item["message"])["message"] for item in logged]
        asked = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in asked if not url.startswith(("chrome:", "data:"))]

    def picture(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(self.debug("Page.captureScreenshot", {"format": "png"})["data"])

    def quit(self) -> None:
        """End the browser."""
        with suppress(OSError):
            self._call("DELETE", "")


@contextmanager
def browser(
    folder: Path, *, width: int = 1280, height: int = 900, dark: bool = False
) -> Iterator[Browser]:
    """A browser with a fresh profile in `folder`, ended at the end."""
    with _driver() as port:
        window = Browser(port, folder / "profile", width=width, height=height, dark=dark)
        try:
            yield window
        finally:
            window.quit()


@contextmanager
def _driver() -> Iterator[int]:
    """The port of a driver that listens, which is ended at the end."""
    process, port = _listening_driver()
    try:
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def _listening_driver() -> tuple[subprocess.Popen[str], int]:
    """A driver and the port that it has found free.

    It takes a port that is free for one family of addresses and ends where somebody has the same
    number in the other family: then another driver tries another port.
    """
    assert DRIVER is not None
    said = ""
    for _ in range(ATTEMPTS):
        process = subprocess.Popen(
            [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        port, said = _port_of(process)
        if port is not None:
            return process, port
        process.communicate(timeout=PATIENCE)
        if "port not available" not in said:
            break
    raise AssertionError(f"chromedriver did not start: {said}")


def _port_of(driver: subprocess.Popen[str]) -> tuple[int | None, str]:
    """The port that the driver says once it listens there, and what it has said until then."""
    assert driver.stdout is not None
    said = ""
    for line in driver.stdout:
        said += line
        if found := re.search(r"started successfully on port (\d+)", line):
            return int(found[1]), said
    return None, said
