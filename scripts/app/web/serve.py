"""`butler serve` put together: the sessions of some folders behind one page."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from adapters.system.atomic_files import replace_file
from adapters.system.processes import allow_open_files, yield_to_others
from scripts.app.errors import WrongUsage
from scripts.app.frontend import Interrupt

_OPEN_FILES: Final = 1_024
"""For every connection that is let in, and the journals of every account; macOS begins with 256."""


@dataclass(frozen=True, kw_only=True)
class ServeRequest:
    """What the user asked for; `places` are folders of results, `own_results` the default one."""

    places: list[Path]
    own_results: Path
    port: int
    controls: bool
    open_browser: bool
    url_file: Path | None
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ServeFrontend:
    """How the server reaches its user."""

    tell: Callable[[str], None]
    warn: Callable[[str], None]
    show: Callable[[Path], None]
    interruptible: Callable[[Callable[[], None]], AbstractContextManager[Interrupt]]


def serve(request: ServeRequest, frontend: ServeFrontend) -> bool:
    """Serve until the user ends it; whether an interrupt did. Raises AppError."""
    try:
        from adapters.web.serving import PageServer, listening
    except ImportError as error:
        raise WrongUsage(
            f"the page needs the package {error.name}: pip install 'execution-butler[web]'"
        ) from error
    from scripts.app.web.site import SessionSite

    _check_packages()
    try:
        own = listening(request.port)
    except OSError as error:
        raise WrongUsage(
            f"--port {request.port}: it cannot be listened on ({error.strerror}); "
            "choose another with --port"
        ) from error
    yield_to_others()
    allow_open_files(_OPEN_FILES)

    def warn(text: str) -> None:
        frontend.warn(f"serve: {text}")

    with own, ExitStack() as stack:
        site = SessionSite(request.places, request.own_results, warn)
        server = PageServer(own, site, warn, controls=request.controls, names=request.names)
        if request.url_file is not None:
            stack.enter_context(_kept_in(request.url_file, server.url))
        interrupt = stack.enter_context(frontend.interruptible(server.request_stop))
        asyncio.run(server.run(lambda: _begin(request, frontend, server.url, stack)))
        return interrupt.asked


def _check_packages() -> None:
    from adapters.reports.page.plotly_js import PlotlyMissing, plotly_script

    try:
        plotly_script()
    except PlotlyMissing as error:
        raise WrongUsage(str(error)) from error


def _begin(request: ServeRequest, frontend: ServeFrontend, url: str, stack: ExitStack) -> None:
    if request.url_file is None:
        frontend.tell(url)
    else:
        frontend.tell(f"the address is in {request.url_file}")
    if request.open_browser:
        frontend.show(stack.enter_context(_leading_to(url)))


@contextmanager
def _kept_in(file: Path, url: str) -> Iterator[None]:
    """The address in a file that only its owner can read, as long as it is good."""
    try:
        replace_file(file, f"{url}\n".encode(), owner_only=True)
    except OSError as error:
        raise WrongUsage(
            f"--url-file {file}: cannot be written ({error.strerror}); choose another"
        ) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the user may have taken it away
            file.unlink()


@contextmanager
def _leading_to(url: str) -> Iterator[Path]:
    """A file that leads a browser to the address: on a command line others could read the token."""
    with tempfile.TemporaryDirectory(prefix="butler-") as folder:
        page = Path(folder, "open.html")
        content = f'<!DOCTYPE html><meta http-equiv="refresh" content="0;url={escape(url)}">\n'
        replace_file(page, content.encode(), owner_only=True)
        yield page
