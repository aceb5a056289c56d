"""The records of the terminal's pipe, as the genuine MetaTrader5 5.0.6231 unpacks them.

Found by trial: every byte of a record was set to 1 in turn, and the field that changed was noted.
Records are packed without padding. Strings are UTF-16LE, padded with zeros, and must end in one:
the package reads on until it finds it. A record of a wrong size gives (-10002, 'IPC recv failed')
and the connection is dead until `initialize`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

_LAYOUTS: Final = {
    "AccountInfo": """
        login:Q trade_mode:I leverage:I limit_orders:I margin_so_mode:I trade_allowed:?
        trade_expert:? margin_mode:I currency_digits:I fifo_close:? balance:d credit:d profit:d
        equity:d margin:d margin_free:d margin_level:d margin_so_call:d margin_so_so:d
        margin_initial:d margin_maintenance:d assets:d liabilities:d commission_blocked:d
        name:128 server:64 currency:32 company:128
    """,
    "BookInfo": """
        type:I price:d volume:Q volume_dbl:d
    """,
    "OrderCheckResult": """
        retcode:I balance:d equity:d profit:d margin:d margin_free:d margin_level:d comment:100
    """,
    "OrderSendResult": """
        retcode:I deal:Q order:Q volume:d price:d bid:d ask:d comment:100 request_id:I
        retcode_external:i
    """,
    "SymbolInfo": """
        custom:? chart_mode:I select:? visible:? session_deals:Q session_buy_orders:Q
        session_sell_orders:Q volume:Q volumehigh:Q volumelow:Q time:q digits:I spread:i
        spread_float:? ticks_bookdepth:I trade_calc_mode:I trade_mode:I start_time:q
        expiration_time:q trade_stops_level:i trade_freeze_level:i trade_exemode:I swap_mode:I
        swap_rollover3days:I margin_hedged_use_leg:? expiration_mode:i filling_mode:i
        order_mode:i order_gtc_mode:I option_mode:I option_right:I bid:d bidhigh:d bidlow:d
        ask:d askhigh:d asklow:d last:d lasthigh:d lastlow:d volume_real:d volumehigh_real:d
        volumelow_real:d option_strike:d point:d trade_tick_value:d trade_tick_value_profit:d
        trade_tick_value_loss:d trade_tick_size:d trade_contract_size:d trade_accrued_interest:d
        trade_face_value:d trade_liquidity_rate:d volume_min:d volume_max:d volume_step:d
        volume_limit:d swap_long:d swap_short:d margin_initial:d margin_maintenance:d
        session_volume:d session_turnover:d session_interest:d session_buy_orders_volume:d
        session_sell_orders_volume:d session_open:d session_close:d session_aw:d
        session_price_settlement:d session_price_limit_min:d session_price_limit_max:d
        margin_hedged:d price_change:d price_volatility:d price_theoretical:d
        price_greeks_delta:d price_greeks_theta:d price_greeks_gamma:d price_greeks_vega:d
        price_greeks_rho:d price_greeks_omega:d price_sensitivity:d basis:32 category:64
        currency_base:16 currency_profit:16 currency_margin:16 bank:256 description:64
        exchange:64 formula:256 isin:16 page:256 path:128 name:32
    """,
    "TerminalInfo": """
        build:I community_account:? community_connection:? connected:? dlls_allowed:?
        trade_allowed:? email_enabled:? ftp_enabled:? notifications_enabled:? maxbars:I mqid:?
        codepage:i ping_last:i community_balance:d retransmission:d company:260 name:260
        language:260 path:260 data_path:260 commondata_path:260 tradeapi_disabled:?
    """,
    "Tick": """
        time:q bid:d ask:d last:d volume:Q time_msc:q flags:I volume_real:d
    """,
    "TradeDeal": """
        ticket:Q order:Q time:q time_msc:q type:I entry:I magic:Q position_id:Q reason:I
        volume:d price:d commission:d swap:d profit:d fee:d symbol:32 comment:32 external_id:32
    """,
    "TradeOrder": """
        ticket:Q time_setup:q time_setup_msc:q time_done:q time_done_msc:q time_expiration:q
        type:I type_time:I type_filling:I state:I magic:Q position_id:Q position_by_id:Q
        reason:I volume_initial:d volume_current:d price_open:d sl:d tp:d price_current:d
        price_stoplimit:d symbol:32 comment:32 external_id:32
    """,
    "TradePosition": """
        ticket:Q time:q time_msc:q time_update:q time_update_msc:q type:I magic:Q identifier:Q
        reason:I volume:d price_open:d sl:d tp:d price_current:d _unused:d swap:d profit:d
        symbol:32 comment:32 external_id:32
    """,
    "TradeRequest": """
        action:I magic:Q order:Q symbol:32 volume:d price:d stoplimit:d sl:d tp:d deviation:Q
        type:I type_filling:I type_time:I expiration:q comment:32 position:Q position_by:Q
    """,
}
"""Fields in the order of the wire, each with a code of `struct` or, for text, its UTF-16 units."""

SIZES: Final = {
    "AccountInfo": 851,
    "TerminalInfo": 3162,
    "SymbolInfo": 2993,
    "Tick": 60,
    "TradeRequest": 232,
    "OrderCheckResult": 252,
    "OrderSendResult": 260,
    "TradePosition": 320,
    "TradeOrder": 340,
    "TradeDeal": 300,
    "BookInfo": 28,
}
"""What the package reads for one record of each kind, in bytes."""


def _parsed(layout: str) -> list[tuple[str, str | int]]:
    pairs = (word.split(":") for word in layout.split())
    return [(name, int(code) if code.isdigit() else code) for name, code in pairs]


LAYOUT: Final = {name: _parsed(layout) for name, layout in _LAYOUTS.items()}


def _size(code: str | int) -> int:
    return 2 * code if isinstance(code, int) else struct.calcsize("<" + code)


for _name, _fields in LAYOUT.items():
    if sum(_size(code) for _, code in _fields) != SIZES[_name]:
        raise AssertionError(f"the layout of {_name} has another size than its record")

RATE: Final = struct.Struct("<qddddQiQ")
"""Time, open, high, low, close, tick volume, spread, real volume."""

U32: Final = struct.Struct("<I")


def pack(name: str, values: Mapping[str, Any]) -> bytes:
    """One record; fields that are not given are zero or empty."""
    parts = []
    for field, code in LAYOUT[name]:
        if isinstance(code, int):
            written = str(values.get(field, "")).encode("utf-16le", "surrogatepass")[: 2 * code - 2]
            parts.append(written.ljust(2 * code, b"\0"))
        else:
            parts.append(struct.pack("<" + code, values.get(field, 0)))
    return b"".join(parts)


def unpack(name: str, data: bytes) -> dict[str, Any]:
    """The fields of one record by name."""
    out: dict[str, Any] = {}
    at = 0
    for field, code in LAYOUT[name]:
        part = data[at : at + _size(code)]
        at += len(part)
        if isinstance(code, int):
            out[field] = part.decode("utf-16le").split("\0")[0]
        else:
            (out[field],) = struct.unpack("<" + code, part)
    return out


def many(name: str, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A counted list of records."""
    return U32.pack(len(rows)) + b"".join(pack(name, row) for row in rows)


def counted(text: str) -> bytes:
    """A text with its length in front."""
    return U32.pack(len(text)) + text.encode("utf-16le")


class Arguments:
    """Reads a request's arguments from left to right."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, code: str) -> Any:
        (value,) = struct.unpack_from("<" + code, self._data, self._at)
        self._at += struct.calcsize("<" + code)
        return value

    def text(self) -> str:
        length = 2 * self.take("I")
        self._at += length
        return self._data[self._at - length : self._at].decode("utf-16le")

    def rest(self) -> bytes:
        return self._data[self._at :]
