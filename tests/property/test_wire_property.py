"""The wire for any value and any bytes."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adapters.mt5.api import contract as mt5
from adapters.mt5.host import wire
from adapters.mt5.host.wire import RpcReply, RpcRequest, WireError

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | TEXTS
    | st.binary(max_size=8)
)
OF_KIND = {
    "int": st.integers(-(2**63), 2**64 - 1),
    "float": st.floats(),
    "str": TEXTS,
    "bool": st.booleans(),
}


def structs_of(struct: type[mt5.Struct]) -> st.SearchStrategy[mt5.Struct]:
    kinds = mt5.field_types(struct).values()
    parts = [OF_KIND[k] if k in OF_KIND else structs_of(mt5.STRUCTS[k]) for k in kinds]
    return st.tuples(*parts).map(struct)


def arrays_of(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    lengths = st.integers(0, 3)
    return lengths.flatmap(
        lambda n: st.binary(min_size=n * dtype.itemsize, max_size=n * dtype.itemsize)
    ).map(lambda data: np.frombuffer(data, dtype=dtype))


# The 96 fields of SymbolInfo cost more than they teach; the unit tests carry every struct.
STRUCTS = st.one_of(
    structs_of(mt5.MqlTick), structs_of(mt5.OrderSendResult), structs_of(mt5.AccountInfo)
)
ARRAYS = arrays_of(mt5.rates_dtype()) | arrays_of(np.dtype("<f8"))
VALUES = st.recursive(
    SCALARS | STRUCTS | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)


def shape(value: Any) -> Any:
    """`value` with every type and bit written out, so that equal shapes mean equal values."""
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.descr, value.tobytes(), value.flags.writeable)
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, [shape(item) for item in value])
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return (type(value).__name__, repr(value))


@given(VALUES, st.integers(-20000, 20000), TEXTS)
def test_any_result_arrives_as_it_was(value: Any, code: int, text: str) -> None:
    sent = RpcReply(id=1, value=value, last_error=(code, text))
    arrived = wire.decode_reply(wire.encode_reply(sent))
    assert shape(arrived.value) == shape(value)
    assert arrived.last_error == (code, text)


@given(st.lists(VALUES, max_size=3), st.none() | st.dictionaries(TEXTS, VALUES, max_size=2))
def test_any_arguments_arrive_as_they_were(args: list[Any], kwargs: dict[str, Any] | None) -> None:
    sent = RpcRequest(3, "positions_get", args, kwargs, 1.5)
    arrived = wire.decode_request(wire.encode_request(sent))
    assert shape(arrived.args) == shape(args)
    assert shape(arrived.kwargs) == shape(kwargs)


@given(st.datetimes(timezones=st.timezones()))
def test_any_aware_time_arrives_as_the_same_instant(moment: dt.datetime) -> None:
    request = RpcRequest(1, "copy_rates_range", [moment], None, 1.0)
    [arrived] = wire.decode_request(wire.encode_request(request)).args
    assert arrived.astimezone(dt.UTC) == moment.astimezone(dt.UTC)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    for decode in (wire.decode_reply, wire.decode_request):
        with contextlib.suppress(WireError):
            decode(data)


@given(VALUES, st.data())
def test_a_damaged_message_is_a_message_or_a_wire_error(value: Any, data: st.DataObject) -> None:
    body = bytearray(wire.encode_reply(RpcReply(id=1, value=value)))
    position = data.draw(st.integers(0, len(body) - 1))
    body[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        wire.decode_reply(bytes(body))
    with contextlib.suppress(WireError):
        wire.decode_reply(bytes(body[:position]))
