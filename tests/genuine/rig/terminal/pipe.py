"""The terminal's side of the MetaTrader5 package's named pipe.

Both ways: u32 length of what follows, u32 command, then the arguments of a request, or an i32
status (1 is success, anything else a code of `last_error`) and the data of a reply. The pipe's name
is made of the SHA-256 of the program's path, in lower case and UTF-16LE.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import struct
import threading
import traceback
from collections.abc import Callable
from typing import Any

Reply = Callable[..., None]
Handle = Callable[[Reply, int, bytes], None]
"""Answers one request; raises EOFError to drop the connection."""

_DUPLEX, _BYTES_BLOCKING, _INSTANCES, _BUFFER, _CONNECTED_ALREADY = 3, 0, 255, 65536, 535


def _kernel() -> Any:
    kernel: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    handle = ctypes.c_void_p
    kernel.CreateNamedPipeW.restype = handle
    kernel.CreateNamedPipeW.argtypes = [ctypes.c_wchar_p, *[ctypes.c_uint32] * 6, handle]
    kernel.ConnectNamedPipe.argtypes = [handle, handle]
    kernel.ReadFile.argtypes = [handle, handle, ctypes.c_uint32, handle, handle]
    kernel.WriteFile.argtypes = [handle, handle, ctypes.c_uint32, handle, handle]
    kernel.DisconnectNamedPipe.argtypes = [handle]
    kernel.CloseHandle.argtypes = [handle]
    return kernel


def _last_error() -> int:
    code: int = ctypes.get_last_error()  # type: ignore[attr-defined,unused-ignore]
    return code


def pipe_name(program: str) -> str:
    """The pipe that the package opens for a terminal's program."""
    path = ("\\\\?\\" + os.path.abspath(program)).lower()  # noqa: PTH100 - a Windows path, as text
    return (
        "\\\\.\\pipe\\MT5.Terminal." + hashlib.sha256(path.encode("utf-16le")).hexdigest().upper()
    )


class Pipe:
    """Serves each client in a thread of its own."""

    def __init__(self, program: str, handle: Handle) -> None:
        self._kernel = _kernel()
        self._name = pipe_name(program)
        self._handle = handle

    def serve_forever(self) -> None:
        """Prints `ready` when the pipe is there."""
        announced = False
        while True:
            pipe = self._kernel.CreateNamedPipeW(
                self._name, _DUPLEX, _BYTES_BLOCKING, _INSTANCES, _BUFFER, _BUFFER, 0, None
            )
            if pipe in (None, ctypes.c_void_p(-1).value):
                raise OSError(_last_error(), "CreateNamedPipe")
            if not announced:
                print("ready", flush=True)
                announced = True
            if (
                not self._kernel.ConnectNamedPipe(pipe, None)
                and _last_error() != _CONNECTED_ALREADY
            ):
                raise OSError(_last_error(), "ConnectNamedPipe")
            threading.Thread(target=self._serve, args=(pipe,), daemon=True).start()

    def _serve(self, pipe: Any) -> None:
        try:
            while True:
                self._one(pipe)
        except EOFError:
            pass  # the client has gone, or a fault wants it to think that we have
        except Exception:
            # The one who started us looks for this in our output and fails the test.
            traceback.print_exc()
        self._kernel.DisconnectNamedPipe(pipe)
        self._kernel.CloseHandle(pipe)

    def _one(self, pipe: Any) -> None:
        (length,) = struct.unpack("<I", self._read(pipe, 4))
        body = self._read(pipe, length)
        (command,) = struct.unpack("<I", body[:4])

        def reply(data: bytes = b"", status: int = 1, as_command: int = command) -> None:
            payload = struct.pack("<Ii", as_command, status) + data
            self._write(pipe, struct.pack("<I", len(payload)) + payload)

        self._handle(reply, command, body[4:])

    def _read(self, pipe: Any, length: int) -> bytes:
        data = b""
        while len(data) < length:
            buffer, got = ctypes.create_string_buffer(length - len(data)), ctypes.c_uint32()
            if not self._kernel.ReadFile(pipe, buffer, length - len(data), ctypes.byref(got), None):
                raise EOFError(_last_error())
            data += buffer.raw[: got.value]
        return data

    def _write(self, pipe: Any, data: bytes) -> None:
        written = ctypes.c_uint32()
        if not self._kernel.WriteFile(pipe, data, len(data), ctypes.byref(written), None):
            raise EOFError(_last_error())
