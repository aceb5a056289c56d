"""`butler serve`: one page over all sessions, on this machine alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import results_folder
from scripts.cli.shared.browser import open_page
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import printable

PortOption = Annotated[
    int,
    typer.Option(min=0, max=65_535, help="Listen on this port of 127.0.0.1; 0 for a free one."),
]
ControlsOption = Annotated[
    bool, typer.Option("--controls", help="Let the page pause, resume, flatten and stop.")
]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
PlacesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--results-dir",
        help="Show the sessions of this folder of results; repeat for more; by default results/.",
    ),
]
UrlFileOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write the address with its token to this file, for its owner alone, instead of "
        "printing it.",
    ),
]
NamesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--proxy-name",
        metavar="NAME",
        help="Take requests under this name, too, which a proxy on this machine (tailscale serve) "
        "passes on over https; repeat for more.",
    ),
]

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(:[0-9]{1,5})?")


def serve(
    port: PortOption = 8765,
    controls: ControlsOption = False,
    open_browser: OpenOption = False,
    results_dir: PlacesOption = None,
    url_file: UrlFileOption = None,
    proxy_name: NamesOption = None,
) -> int:
    """Show every session on one page, live; on this machine, or over SSH on a phone.

    It reads journals, heartbeats and control channels, and can neither stall nor end trading. Only
    with --controls can the page order anything.
    """
    from scripts.app.web.serve import ServeFrontend, ServeRequest
    from scripts.app.web.serve import serve as run
    from scripts.cli.shared.interrupts import orderly_stop

    names = tuple(proxy_name or ())
    for name in names:
        if not _NAME.fullmatch(name):
            raise WrongUsage(f"--proxy-name {name}: write a host's name, such as box.ts.net")
    request = ServeRequest(
        places=list(results_dir or [results_folder(None)]),
        own_results=results_folder(None),
        port=port,
        controls=controls,
        open_browser=open_browser,
        url_file=url_file,
        names=names,
    )
    frontend = ServeFrontend(
        tell=lambda text: print(printable(text), flush=True),
        warn=complain,
        show=open_page,
        interruptible=orderly_stop,
    )
    return ExitCode.INTERRUPTED if run(request, frontend) else ExitCode.DONE
