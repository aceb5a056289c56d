"""Where an account's state lies: a folder of the user's, the same from whichever folder one works.

One user and one account have one state, whatever results folder a session writes to; otherwise two
sessions could trade an account at once, each by its own half of the day.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from adapters.state.errors import StateFailed

VARIABLE = "BUTLER_STATE"
_NAME = "execution-butler"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "9p", "fuse.sshfs", "fuse.davfs",
     "fuse.rclone", "glusterfs", "fuse.glusterfs", "ceph", "beegfs", "lustre"}
)  # fmt: skip
"""Kinds of file systems whose locks and write-ahead logs cannot be relied on."""


def state_folder(environment: Mapping[str, str], home: Path, platform: str = sys.platform) -> Path:
    """The user's state folder: ``$BUTLER_STATE``, else the platform's usual place."""
    if given := environment.get(VARIABLE):
        return Path(given).expanduser()
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData" / "Local") / _NAME
    if platform == "darwin":
        return home / "Library" / "Application Support" / _NAME
    state = environment.get("XDG_STATE_HOME", "")
    return (Path(state) if Path(state).is_absolute() else home / ".local" / "state") / _NAME


def account_folder(state: Path, server: str, login: int) -> Path:
    """An account's folder below the state folder: by server and login, in lower case.

    Other characters than letters, digits and ``._-`` are written as ``%XX``, so that no server's
    name leads elsewhere.
    """
    return state / "accounts" / f"{_escaped(server)}-{login}"


def _escaped(server: str) -> str:
    lower = server.strip().lower()
    if set(lower) <= {"."}:
        return "".join(f"%{byte:02X}" for byte in lower.encode()) or "%"
    return "".join(
        letter if letter in _PLAIN else "".join(f"%{byte:02X}" for byte in letter.encode())
        for letter in lower
    )


def prepare(folder: Path) -> None:
    """Create an account's folder, for its user alone. Raises StateFailed with the remedy."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateFailed(
            folder,
            f"cannot be created ({error.strerror or error}); set {VARIABLE} to a folder on this "
            "machine that you may write to",
        ) from error
    if kind := network_share(folder):
        raise StateFailed(
            folder,
            f"lies on a network share ({kind}), where a lock does not hold; set {VARIABLE} to a "
            "folder on this machine",
        )


def network_share(folder: Path) -> str | None:
    """The kind of network share that a folder lies on; None for a disk of this machine.

    Also None where the system does not tell (macOS).
    """
    if sys.platform == "win32":
        return _windows_share(folder)
    mounts = Path("/proc/self/mounts")
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return share_by_mounts(PurePosixPath(folder.resolve()), lines)


def share_by_mounts(folder: PurePosixPath, lines: list[str]) -> str | None:
    """The kind of network share by the lines of ``/proc/self/mounts``."""
    kinds: dict[PurePosixPath, str] = {}
    for line in lines:
        fields = line.split()
        if len(fields) > 2:
            kinds[PurePosixPath(fields[1].replace("\\040", " "))] = fields[2]
    for place in (folder, *folder.parents):
        if place in kinds:
            return kinds[place] if kinds[place] in _NETWORK else None
    return None


def _windows_share(folder: Path) -> str | None:
    if sys.platform != "win32":
        return None
    import ctypes

    drive = folder.resolve().drive
    if drive.startswith("\\\\"):
        return "UNC path"
    remote = 4  # DRIVE_REMOTE of GetDriveTypeW
    kind = ctypes.windll.kernel32.GetDriveTypeW(f"{drive}{os.sep}")
    return "network drive" if kind == remote else None
