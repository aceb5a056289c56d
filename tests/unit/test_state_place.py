"""Where an account's state lies: one folder a user and account, on this machine."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.state.errors import StateFailed
from adapters.state.place import account_folder, prepare, share_by_mounts, state_folder

HOME = Path("/home/anna")


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", HOME / ".local/state/execution-butler"),
        ({"XDG_STATE_HOME": "/var/s"}, "linux", Path("/var/s/execution-butler")),
        ({"XDG_STATE_HOME": "relative"}, "linux", HOME / ".local/state/execution-butler"),
        ({}, "darwin", HOME / "Library/Application Support/execution-butler"),
        ({"LOCALAPPDATA": "/c/local"}, "win32", Path("/c/local/execution-butler")),
        ({}, "win32", HOME / "AppData/Local/execution-butler"),
        ({"BUTLER_STATE": "/data/butler"}, "win32", Path("/data/butler")),
    ],
)
def test_the_usual_place_of_each_system(
    environment: dict[str, str], platform: str, expected: Path
) -> None:
    assert state_folder(environment, HOME, platform) == expected


def test_an_account_is_known_by_server_and_login_whatever_the_case() -> None:
    folder = account_folder(Path("s"), "FTMO-Server 2", 531)
    assert folder == Path("s/accounts/ftmo-server%202-531")
    assert account_folder(Path("s"), "ftmo-SERVER 2", 531) == folder


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_servers_name_leads_out_of_the_folder_or_to_anothers(one: str, other: str) -> None:
    state = Path("/s")
    folders = [account_folder(state, name, 7) for name in (one, other)]
    assert all(folder.parent == state / "accounts" for folder in folders)
    if one.strip().lower() != other.strip().lower():
        assert folders[0] != folders[1]


def test_a_network_share_is_told_by_the_nearest_mount() -> None:
    lines = [
        "/dev/sda1 / ext4 rw 0 0",
        "server:/home /home nfs4 rw 0 0",
        "/dev/sdb1 /home/anna/local\\040disk ext4 rw 0 0",
    ]
    assert share_by_mounts(PurePosixPath("/home/anna/.local"), lines) == "nfs4"
    assert share_by_mounts(PurePosixPath("/home/anna/local disk/x"), lines) is None
    assert share_by_mounts(PurePosixPath("/var"), lines) is None


def test_a_folder_that_cannot_be_made_names_the_variable_to_set(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    with pytest.raises(StateFailed, match="set BUTLER_STATE to a folder"):
        prepare(file / "accounts" / "a-1")
    prepare(tmp_path / "accounts" / "a-1")
    assert (tmp_path / "accounts" / "a-1").is_dir()
