"""Frames between the engine and the terminal host: bounded, typed, and nothing that is executed.

A connection begins with the token as `TOKEN_BYTES` raw bytes. Then each message is a frame: its
length as four bytes, big endian, at most `MAX_FRAME`, and a MessagePack body. MessagePack has no
tuples, structs or arrays, so these travel as lists headed by a tag and come back exactly as they
were: `None`, `False`, `()` and an empty array stay four different answers.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
import socket
import time
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np

from adapters.mt5.api.contract import STRUCTS, Struct, field_types
from engine.decoding import msgpack_decoder

PROTOCOL: Final = 1
"""Version of this format; host and client must agree on it."""

MAX_FRAME: Final = 16 * 1024 * 1024
MAX_DEADLINE: Final = 3600.0
"""The longest time in seconds that a call may ask for."""
TOKEN_BYTES: Final = 32
_LENGTH_BYTES: Final = 4

_TUPLE, _LIST, _STRUCT, _ARRAY = "t", "l", "s", "a"
_PLAIN: Final = frozenset({type(None), bool, int, float, str, bytes})
_ITEM_TYPE: Final = re.compile(r"[<>|][biuf]\d{1,2}")


class WireError(Exception):
    """A value that cannot travel, or bytes that are no message."""


class TooLarge(WireError):
    """A message above `MAX_FRAME`."""


class Trouble(enum.StrEnum):
    """Why a host gives no result."""

    NONE = ""
    NOT_ALLOWED = "not-allowed"  # no such function, or not for clients
    READ_ONLY = "read-only"  # the host was not started for trading
    GUARD = "guard"  # not the demo account that the host was started for
    BUSY = "busy"  # another client is being served
    TOO_LARGE = "too-large"  # a result above `MAX_FRAME`
    RAISED = "raised"  # the function raised: nothing is known of its effect


class RpcRequest(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One call. ``kwargs`` None: no keyword object is passed; ``deadline``: seconds."""

    id: int
    function: str
    args: list[Any]
    kwargs: dict[str, Any] | None
    deadline: float


class RpcReply(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One answer: the result and `last_error` read in the same breath, or a trouble with detail."""

    id: int
    value: Any = None
    last_error: tuple[int, str] = (1, "Success")
    trouble: Trouble = Trouble.NONE
    detail: str = ""


_encoder = msgspec.msgpack.Encoder()
_requests = msgpack_decoder(RpcRequest)
_replies = msgpack_decoder(RpcReply)
_CODEC_ERRORS: Final = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)


# --- messages ------------------------------------------------------------------------------------


def encode_request(request: RpcRequest) -> bytes:
    """The body of a request frame. Raises WireError for arguments that cannot travel."""
    _check_deadline(request)
    try:
        args = [_pack(value) for value in request.args]
        kwargs = None if request.kwargs is None else _pack_dict(request.kwargs)
        packed = msgspec.structs.replace(request, args=args, kwargs=kwargs)
        return _bounded(_encoder.encode(packed))
    except _CODEC_ERRORS as error:
        raise WireError(f"arguments of {request.function}: {error}") from error


def decode_request(body: bytes) -> RpcRequest:
    """The request of a frame. Raises WireError for anything else."""
    try:
        packed = _requests.decode(body)
        args = [_unpack(value) for value in packed.args]
        kwargs = None if packed.kwargs is None else _unpack_dict(packed.kwargs)
    except _CODEC_ERRORS as error:
        raise WireError(f"no request: {error}") from error
    _check_deadline(packed)
    return msgspec.structs.replace(packed, args=args, kwargs=kwargs)


def _check_deadline(request: RpcRequest) -> None:
    if not 0 < request.deadline <= MAX_DEADLINE:
        raise WireError(f"a deadline of {request.deadline} s is not within 0 to {MAX_DEADLINE:g} s")


def encode_reply(reply: RpcReply) -> bytes:
    """The body of a reply frame. Raises WireError for a result that cannot travel."""
    try:
        packed = msgspec.structs.replace(reply, value=_pack(reply.value))
        return _bounded(_encoder.encode(packed))
    except _CODEC_ERRORS as error:
        raise WireError(f"result: {error}") from error


def decode_reply(body: bytes) -> RpcReply:
    """The reply of a frame. Raises WireError for anything else."""
    try:
        packed = _replies.decode(body)
        value = _unpack(packed.value)
    except _CODEC_ERRORS as error:
        raise WireError(f"no reply: {error}") from error
    return msgspec.structs.replace(packed, value=value)


def _bounded(body: bytes) -> bytes:
    if len(body) > MAX_FRAME:
        raise TooLarge(f"{len(body)} bytes exceed the frame limit of {MAX_FRAME}")
    return body


# --- values --------------------------------------------------------------------------------------


def _pack(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, tuple):
        return _pack_struct(value) if hasattr(value, "n_fields") else _tagged(_TUPLE, value)
    if isinstance(value, list):
        return _tagged(_LIST, value)
    if isinstance(value, dict):
        return _pack_dict(value)
    if isinstance(value, np.ndarray):
        return _pack_array(value)
    return _pack_scalar(value)


def _tagged(tag: str, items: tuple[Any, ...] | list[Any]) -> list[Any]:
    return [tag, *map(_pack, items)]


def _pack_dict(mapping: dict[Any, Any]) -> dict[str, Any]:
    if not all(type(key) is str for key in mapping):
        raise WireError("a dict travels only with text keys")
    return {key: _pack(value) for key, value in mapping.items()}


def _pack_scalar(value: Any) -> Any:
    """Enum members, numpy.float64 and the like travel as the plain value that they are."""
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise WireError("a datetime without a time zone would be read in the machine's own")
        return value
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, str):
        return str.__str__(value)
    raise WireError(f"a {type(value).__module__}.{type(value).__name__} does not travel")


def _pack_struct(value: tuple[Any, ...]) -> list[Any]:
    name = type(value).__name__
    known = STRUCTS.get(name)
    if known is None or len(value) != known.n_fields:
        raise WireError(f"{name} with {len(value)} fields is not a struct of the known package")
    packed = [_STRUCT, name, *value]
    for position in _nested(known):
        packed[2 + position] = _pack(value[position])
    return packed


def _pack_array(array: np.ndarray[Any, Any]) -> list[Any]:
    if array.ndim != 1:
        raise WireError("only arrays of one dimension travel")
    layout = array.dtype.descr if array.dtype.names else array.dtype.str
    _dtype(layout)  # raises for a layout that would be refused on the other side
    return [_ARRAY, layout, len(array), array.tobytes()]


def _unpack(packed: Any) -> Any:
    if type(packed) in _PLAIN or isinstance(packed, dt.datetime):
        return packed
    if isinstance(packed, dict):
        return _unpack_dict(packed)
    match packed:
        case ["t", *items]:
            return tuple(map(_unpack, items))
        case ["l", *items]:
            return list(map(_unpack, items))
        case ["s", str(name), *values]:
            return _unpack_struct(name, values)
        case ["a", layout, int(length), bytes(data)]:
            return _unpack_array(layout, length, data)
    raise WireError("a value of no known form")


def _unpack_dict(packed: dict[Any, Any]) -> dict[str, Any]:
    if not all(type(key) is str for key in packed):
        raise WireError("a dict with a key that is no text")
    return {key: _unpack(value) for key, value in packed.items()}


def _unpack_struct(name: str, values: list[Any]) -> Struct:
    struct = STRUCTS.get(name)
    if struct is None or len(values) != struct.n_fields:
        raise WireError(f"no struct of {len(values)} fields is called {name[:40]!r}")
    nested = _nested(struct)
    scalars = [v for i, v in enumerate(values) if i not in nested] if nested else values
    if not set(map(type, scalars)) <= _PLAIN:
        raise WireError(f"{name} with a field that is no plain value")
    for position in nested:
        values[position] = _unpack(values[position])
    found: Struct = struct.made(values)
    return found


@cache
def _nested(struct: type[Struct]) -> tuple[int, ...]:
    """Positions of the fields that hold structs."""
    kinds = field_types(struct).values()
    return tuple(position for position, kind in enumerate(kinds) if kind in STRUCTS)


def _unpack_array(layout: Any, length: int, data: bytes) -> np.ndarray[Any, Any]:
    """An array over the frame's own bytes: no copy, and read-only like the package's."""
    dtype = _dtype(layout)
    if length < 0 or length * dtype.itemsize != len(data):
        raise WireError(f"{len(data)} bytes are not {length} records of {dtype.itemsize}")
    return np.frombuffer(data, dtype=dtype, count=length)


def _dtype(layout: Any) -> np.dtype[Any]:
    match layout:
        case str() if _ITEM_TYPE.fullmatch(layout):
            return np.dtype(layout)
        case [[_, _], *_] if all(_is_column(column) for column in layout):
            return np.dtype([(name, kind) for name, kind in layout])
    raise WireError("an array of no known layout")


def _is_column(column: Any) -> bool:
    match column:
        case [str(), str(kind)]:
            return _ITEM_TYPE.fullmatch(kind) is not None
    return False


# --- frames on a socket --------------------------------------------------------------------------


class Deadline:
    """A moment on the monotonic clock that blocking socket calls must not outlast."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, above 0. Raises TimeoutError when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


def send_frame(sock: socket.socket, body: bytes, deadline: Deadline) -> None:
    """Send a frame. When this raises OSError, the peer cannot have got the whole frame."""
    sock.settimeout(deadline.remaining())
    sock.sendall(len(body).to_bytes(_LENGTH_BYTES, "big") + body)


def receive_frame(sock: socket.socket, deadline: Deadline) -> bytes:
    """The body of the next frame.

    Raises WireError for one above `MAX_FRAME` (before anything of it is read), TimeoutError after
    the deadline, ConnectionError when the peer is gone.
    """
    length = int.from_bytes(_receive_exactly(sock, _LENGTH_BYTES, deadline), "big")
    if length > MAX_FRAME:
        raise TooLarge(f"a frame of {length} bytes exceeds the limit of {MAX_FRAME}")
    return _receive_exactly(sock, length, deadline)


def _receive_exactly(sock: socket.socket, count: int, deadline: Deadline) -> bytes:
    received = bytearray(count)
    view = memoryview(received)
    while view:
        sock.settimeout(deadline.remaining())
        taken = sock.recv_into(view)
        if not taken:
            raise ConnectionResetError("the peer closed the connection")
        view = view[taken:]
    return bytes(received)


class Peer(enum.Enum):
    """The other end of a connection, as far as it can be seen without reading."""

    QUIET = enum.auto()
    TALKING = enum.auto()  # something is there to be read
    GONE = enum.auto()


def peer_of(sock: socket.socket) -> Peer:
    """Look at the other end of a connection; never waits."""
    sock.setblocking(False)
    try:
        waiting = sock.recv(1, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return Peer.QUIET
    except OSError:
        return Peer.GONE
    return Peer.TALKING if waiting else Peer.GONE
