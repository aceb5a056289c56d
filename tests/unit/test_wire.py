"""Messages between engine and terminal host arrive as they were, or not at all."""

from __future__ import annotations

import datetime as dt
import enum
import re
import socket
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.host import wire
from adapters.mt5.host.wire import Deadline, RpcReply, RpcRequest, WireError

SECONDS = 60.0


class Colour(enum.IntEnum):
    RED = 3


class Word(enum.StrEnum):
    YES = "yes"


def carried(value: Any) -> Any:
    """`value` after a journey in a reply."""
    return wire.decode_reply(wire.encode_reply(RpcReply(id=1, value=value))).value


def carried_request(args: list[Any], kwargs: dict[str, Any] | None = None) -> RpcRequest:
    request = RpcRequest(7, "order_send", args, kwargs, 2.5)
    return wire.decode_request(wire.encode_request(request))


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None,
        False,
        True,
        0,
        2**64 - 1,
        -(2**63),
        0.0,
        1.1,
        float("inf"),
        "",
        "Ünïcode",
        b"\x00\xff",
        (),
        [],
        {},
        ((),),
        [(), []],
        (0, 0, ""),
        {"t": ("t", ["s", "Tick"])},
        ["a", "<i8", 1, b"12345678"],
    ],
    ids=repr,
)
def test_a_value_keeps_its_type_and_content(value: Any) -> None:
    arrived = carried(value)
    assert type(arrived) is type(value)
    assert repr(arrived) == repr(value)


@pytest.mark.parametrize("struct", mt5.STRUCTS.values(), ids=mt5.STRUCTS)
def test_every_struct_arrives_as_itself(struct: type[mt5.Struct]) -> None:
    arrived = carried((struct.of(), struct.of()))
    assert [type(item) for item in arrived] == [struct, struct]
    assert repr(arrived) == repr((struct.of(), struct.of()))


def test_the_request_inside_a_result_stays_a_struct() -> None:
    request = mt5.TradeRequest.of(symbol="EURUSD", volume=0.1)
    arrived = carried(mt5.OrderSendResult.of(retcode=10009, request=request))
    assert type(arrived.request) is mt5.TradeRequest
    assert arrived.request.symbol == "EURUSD"


def test_a_struct_sequence_of_the_genuine_kind_travels_by_its_name() -> None:
    values = mt5.MqlTick.of(bid=1.5)
    genuine = type("Tick", (tuple,), {"n_fields": 8})(values)
    assert type(carried(genuine)) is mt5.MqlTick


@pytest.mark.parametrize("dtype", [mt5.rates_dtype(), mt5.ticks_dtype(), np.dtype("<f8")], ids=str)
@pytest.mark.parametrize("length", [0, 1, 1000])
def test_an_array_arrives_bit_by_bit_and_read_only(dtype: np.dtype[Any], length: int) -> None:
    random = np.random.default_rng(length)
    sent = np.frombuffer(random.bytes(length * dtype.itemsize), dtype=dtype)
    arrived = carried(sent)
    assert (arrived.dtype, arrived.tobytes()) == (dtype, sent.tobytes())
    assert not arrived.flags.writeable


def test_members_and_numpy_floats_arrive_as_plain_values() -> None:
    arrived = carried_request([Colour.RED, Word.YES, np.float64(1.5)]).args
    assert [(type(v), v) for v in arrived] == [(int, 3), (str, "yes"), (float, 1.5)]


def test_an_aware_time_arrives_as_the_same_instant() -> None:
    zone = dt.timezone(dt.timedelta(hours=3))
    moment = dt.datetime(2024, 3, 10, 1, 2, 3, 456789, tzinfo=zone)
    [arrived] = carried_request([moment]).args
    assert arrived == moment
    assert arrived.tzinfo is not None


def test_no_keywords_and_empty_keywords_stay_two_things() -> None:
    assert carried_request([], None).kwargs is None
    assert carried_request([], {}).kwargs == {}
    assert carried_request([], {"symbol": "EURUSD", "ticket": 5}).kwargs == {
        "symbol": "EURUSD",
        "ticket": 5,
    }


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "builtins.object does not travel"),
        (dt.datetime(2024, 1, 1), "without a time zone"),
        ({1: 2}, "text keys"),
        (2**64, "serialize"),
        ("\ud800", "surrogates"),
        (np.int64(1), "numpy.int64 does not travel"),
        (np.zeros((2, 2)), "one dimension"),
        (np.array([object()]), "no known layout"),
        (np.zeros(1, dtype="<U3"), "no known layout"),
        (np.zeros(1, dtype=np.dtype("i4,f8", align=True)), "no known layout"),
        (type("Tick", (tuple,), {"n_fields": 2})((1, 2)), "Tick with 2 fields"),
        (type("Novel", (tuple,), {"n_fields": 1})((1,)), "Novel with 1 fields"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_that_cannot_travel_is_refused_with_its_reason(value: Any, why: str) -> None:
    with pytest.raises(WireError, match=why):
        carried([value])


def test_a_value_without_end_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(WireError):
        carried(endless)


def test_a_reply_above_the_limit_is_refused_by_its_sender() -> None:
    with pytest.raises(wire.TooLarge, match="exceed the frame limit"):
        carried(b"x" * wire.MAX_FRAME)


# --- bodies that are no messages -----------------------------------------------------------------


def body(value: Any) -> bytes:
    """A reply whose packed value is `value`, as a liar would write it."""
    return msgspec.msgpack.encode([1, value, [1, ""], "", ""])


@pytest.mark.parametrize(
    "packed",
    [
        [],
        ["x", 1],
        ["s"],
        ["s", "Tick"],
        ["s", "Tick", *range(9)],
        ["s", "NoSuch", 1],
        ["s", ["Tick"], 1],
        ["s", "Tick", *([["t"]] * 8)],
        ["s", "Tick", *([msgspec.msgpack.Ext(5, b"")] * 8)],
        ["a", "<i8", 2, b"12345678"],
        ["a", "<i8", -1, b""],
        ["a", "<i8", True, b""],
        ["a", "|O8", 1, b"12345678"],
        ["a", "<b3", 1, b"123"],
        ["a", "<i8,<O8", 0, b""],
        ["a", [], 0, b""],
        ["a", [["x", "|O8"]], 1, b"12345678"],
        ["a", [["x", "<i8"], ["x", "<i8"]], 0, b""],
        ["a", [["x", "<i8", [1 << 40]]], 0, b""],
        msgspec.msgpack.Ext(5, b"code"),
        {1: 2},
    ],
    ids=lambda packed: re.sub(r" object at 0x[0-9a-f]+", "", repr(packed)),
)
def test_a_value_of_no_known_form_is_refused(packed: Any) -> None:
    with pytest.raises(WireError):
        wire.decode_reply(body(packed))


@pytest.mark.parametrize(
    "message",
    [
        [1, "version", [], None],
        [1, "version", [], None, 1.0, "more"],
        ["1", "version", [], None, 1.0],
        [1, "version", [], None, 0.0],
        [1, "version", [], None, 1e9],
        [1, "version", [], None, float("nan")],
        [1, "version", {}, None, 1.0],
        [1, "version", [], [], 1.0],
        [1, "version", [], {1: 2}, 1.0],
        {"id": 1},
    ],
    ids=repr,
)
def test_a_body_that_is_no_request_is_refused(message: Any) -> None:
    with pytest.raises(WireError):
        wire.decode_request(msgspec.msgpack.encode(message))


def test_an_unknown_trouble_is_no_reply() -> None:
    with pytest.raises(WireError):
        wire.decode_reply(msgspec.msgpack.encode([1, None, [1, ""], "no-such-trouble", ""]))


# --- frames --------------------------------------------------------------------------------------


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def test_frames_arrive_one_by_one(pair: tuple[socket.socket, socket.socket]) -> None:
    left, right = pair
    for text in (b"one", b"", b"three"):
        wire.send_frame(left, text, Deadline(SECONDS))
    got = [wire.receive_frame(right, Deadline(SECONDS)) for _ in range(3)]
    assert got == [b"one", b"", b"three"]


def test_a_frame_above_the_limit_is_refused_before_it_is_read(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    left, right = pair
    left.sendall((wire.MAX_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(wire.TooLarge, match=r"16777217 bytes exceeds the limit of 16777216"):
        wire.receive_frame(right, Deadline(SECONDS))


@pytest.mark.parametrize("part", [b"", b"\x00\x00", b"\x00\x00\x00\x05abc"])
def test_a_peer_that_leaves_in_mid_frame_is_a_lost_connection(
    pair: tuple[socket.socket, socket.socket], part: bytes
) -> None:
    left, right = pair
    left.sendall(part)
    left.close()
    with pytest.raises(ConnectionError):
        wire.receive_frame(right, Deadline(SECONDS))


def test_a_silent_peer_is_a_missed_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(TimeoutError):
        wire.receive_frame(pair[1], Deadline(0.01))


def test_a_passed_deadline_stops_before_anything_is_sent(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    left, right = pair
    with pytest.raises(TimeoutError):
        wire.send_frame(left, b"late", Deadline(-1))
    assert wire.peer_of(right) is wire.Peer.QUIET


def test_the_state_of_the_peer_is_seen_without_reading(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    left, right = pair
    assert wire.peer_of(right) is wire.Peer.QUIET
    left.sendall(b"x")
    assert wire.peer_of(right) is wire.Peer.TALKING
    assert right.recv(1) == b"x"
    left.close()
    assert wire.peer_of(right) is wire.Peer.GONE
