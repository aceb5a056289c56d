"""An SSH tunnel between two programs of this machine: the one that the documents describe."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from pathlib import Path

from tests.genuine.rig.hosts import free_port
from tests.genuine.rig.played import wait_for

_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
AllowTcpForwarding local
"""


def sshd() -> str | None:
    """The server's program, where there is one; it wants to be called by its whole path."""
    return shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:/usr/bin")


class Tunnel:
    """`ssh -N -L PORT:127.0.0.1:TARGET machine`, where that machine is this one."""

    def __init__(self, folder: Path, target: int) -> None:
        folder.mkdir(mode=0o700)
        self.port = free_port()
        self._folder = folder
        self._target = target
        self._server_port = free_port()
        self._programs: list[subprocess.Popen[bytes]] = []
        for name in ("host_key", "user_key"):
            self._keys(name)
        text = _CONFIG.format(port=self._server_port, folder=folder)
        (folder / "sshd_config").write_text(text, encoding="utf-8")

    def _keys(self, name: str) -> None:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def serve(self) -> None:
        """Start the server, as the other machine does."""
        Path("/run/sshd").mkdir(exist_ok=True)  # where it gives up its rights
        program = sshd()
        assert program is not None, "openssh-server is not installed"
        self._start(program, "-D", "-f", str(self._folder / "sshd_config"))

    def dig(self) -> None:
        """Start the client, and wait until its end of the tunnel listens."""
        self._start(
            "ssh", "-N", "-L", f"{self.port}:127.0.0.1:{self._target}",
            "-p", str(self._server_port), "-i", str(self._folder / "user_key"),
            "-o", "StrictHostKeyChecking=no", "-o", "ExitOnForwardFailure=yes",
            "-o", f"UserKnownHostsFile={self._folder / 'known_hosts'}",
            "-o", "ConnectionAttempts=20", f"{getpass.getuser()}@127.0.0.1",
        )  # fmt: skip
        wait_for(self._listens, 60.0, "the tunnel")

    def _start(self, *command: str) -> None:
        with (self._folder / "ssh.log").open("ab") as log:
            program = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
            )
        self._programs.append(program)

    def _listens(self) -> bool:
        client = self._programs[-1]
        assert client.poll() is None, (self._folder / "ssh.log").read_text(errors="replace")
        table = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        rows = [line.split() for line in table]
        return any(row[3] == "0A" and int(row[1].split(":")[1], 16) == self.port for row in rows)

    def cut(self) -> None:
        """End the client: what it carried is cut off."""
        client = self._programs.pop()
        client.kill()
        client.wait()

    def close(self) -> None:
        """End everything."""
        for program in self._programs:
            program.kill()
            program.wait()
