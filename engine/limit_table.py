"""The one table of limits: every limit of a preset with all that is declared about it.

A field of `Limits` is a limit; its annotation holds its row, a `Limit`. The type, what the limit is
when it is off, which values and actions it may have, for which reason it denies and which part of
the risk context it needs are derived from here: by the configuration, the recorded terms, the
documents and by risk. What a limit checks is bound to it in `risk.limits`, by its name.
"""

import enum
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from engine.trading import HaltCause


class LimitAction(enum.StrEnum):
    """What happens when a limit is hit."""

    DENY = "deny"
    UNTIL_RESET = "until_reset"
    LATCH = "latch"
    FLATTEN = "latch_and_flatten"


class DenyReason(enum.StrEnum):
    """Why risk denied an order, in the order in which the checks run."""

    UNKNOWN_SYMBOL = "unknown_symbol"
    OUTSIDE_DATA = "outside_data"
    EXPIRED = "expired"
    HALTED = "halted"
    DUPLICATE_INTENT = "duplicate_intent"
    MAX_POSITIONS = "max_positions"
    MAX_POSITIONS_PER_SYMBOL = "max_positions_per_symbol"
    NO_STOP = "no_stop"
    INVALID_STOPS = "invalid_stops"
    NO_VALUATION = "no_valuation"
    VALUATION_MISMATCH = "valuation_mismatch"
    INVALID_VOLUME = "invalid_volume"
    BELOW_MIN_VOLUME = "below_min_volume"
    PER_TRADE_RISK = "per_trade_risk"
    DAILY_LOSS = "daily_loss"
    MAX_LOSS = "max_loss"
    MARGIN = "margin"
    ABANDONED = "abandoned"
    COOL_DOWN = "cool_down"
    ORDERS_PER_HOUR = "orders_per_hour"
    ORDERS_PER_DAY = "orders_per_day"
    TRADES_PER_SYMBOL_PER_DAY = "trades_per_symbol_per_day"
    SYMBOL_RISK = "symbol_risk"
    CURRENCY_EXPOSURE = "currency_exposure"
    FIRM_LOSS_BUFFER = "firm_loss_buffer"
    OPEN_ORDERS = "open_orders"
    POSITIONS_PER_DAY = "positions_per_day"
    REQUESTS_PER_DAY = "requests_per_day"
    GAP_WINDOW = "gap_window"
    NEWS_WINDOW = "news_window"
    WIDER_STOP = "wider_stop"
    SYMBOL_MODE = "symbol_mode"
    LEVELS_SUSPENDED = "levels_suspended"


class ValueKind(enum.Enum):
    """Which values a limit may have; the configuration checks them."""

    COUNT = "whole number of at least 1"
    WHOLE = "whole number of at least 0"
    FRACTION = "fraction above 0 and below 1"
    PART = "fraction from 0 to below 1"
    AMOUNT = "number above 0"
    HOUR = "whole number from 0 to 23"
    ZONE = "IANA time zone"
    FLAG = "true or false"
    REACTION = "suspend or latch"
    ACTIONS = "mapping of limits to actions"


class ContextPart(enum.Enum):
    """The parts of the risk context that are put together only where a limit that is set needs
    them."""

    COUNTS = "entries and losses so far"
    CONCENTRATION = "money at risk by symbol and currency"
    FIRM_FLOORS = "the firm's floors"


_EVERY: Final = tuple(LimitAction)
_HALTS: Final = _EVERY[1:]
_LATCHES: Final = _EVERY[2:]


class LimitHit(msgspec.Struct, frozen=True):
    """What follows when a limit is hit; `name` is its key in `Limits.actions`.

    A name that is a `DenyReason` denies orders, another one acts on equity alone. `allowed` is
    empty where nothing but the denial can follow. It halts with `day_cause` until the next reset or
    with `latch_cause` until the user resumes.
    """

    name: DenyReason | str
    meaning: str
    allowed: tuple[LimitAction, ...] = _EVERY
    default: LimitAction = LimitAction.DENY
    day_cause: HaltCause = HaltCause.DAY_LIMIT
    latch_cause: HaltCause = HaltCause.LIMIT

    @property
    def reason(self) -> DenyReason | None:
        """Why an order is denied when it is hit; None where it denies none."""
        return self.name if isinstance(self.name, DenyReason) else None

    def cause(self, action: LimitAction) -> HaltCause:
        """The cause under which `action` halts trading."""
        return self.day_cause if action is LimitAction.UNTIL_RESET else self.latch_cause


class Limit(msgspec.Struct, frozen=True):
    """A row of the table.

    `meaning` says what is limited, in which unit and of what. `always_recorded` keeps it among a
    session's recorded terms when it is off.
    """

    kind: ValueKind
    meaning: str
    hits: tuple[LimitHit, ...] = ()
    needs: ContextPart | None = None
    always_recorded: bool = False


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits that risk enforces. What is not given is off: its default is its off value."""

    max_positions: Annotated[
        int,
        Limit(
            ValueKind.COUNT,
            "most positions open at once over all symbols, orders in flight and pending orders "
            "included; what other hands hold counts as risk only",
            (LimitHit(DenyReason.MAX_POSITIONS, "`max_positions` is reached"),),
        ),
    ]
    max_positions_per_symbol: Annotated[
        int,
        Limit(
            ValueKind.COUNT,
            "the same for one symbol",
            (
                LimitHit(
                    DenyReason.MAX_POSITIONS_PER_SYMBOL, "`max_positions_per_symbol` is reached"
                ),
            ),
        ),
    ]
    per_trade_risk_fraction: Annotated[
        float,
        Limit(
            ValueKind.FRACTION,
            "most that one trade may lose at its stop, of the smaller of equity and day-start "
            "balance",
            (
                LimitHit(
                    DenyReason.PER_TRADE_RISK,
                    "the order would lose more than `per_trade_risk_fraction` at its stop",
                ),
            ),
        ),
    ]
    daily_loss_fraction: Annotated[
        float,
        Limit(
            ValueKind.FRACTION,
            "most that one day may lose, of the day-start balance; measured on equity",
            (
                LimitHit(
                    DenyReason.DAILY_LOSS,
                    "with everything at its stop, the day would lose more than "
                    "`daily_loss_fraction`",
                    _HALTS,
                    LimitAction.UNTIL_RESET,
                    day_cause=HaltCause.DAILY_LOSS,
                ),
            ),
        ),
    ]
    max_loss_fraction: Annotated[
        float | None,
        Limit(
            ValueKind.FRACTION,
            "most that the account may lose, of its starting balance; measured on equity",
            (
                LimitHit(
                    DenyReason.MAX_LOSS,
                    "with everything at its stop, the account would lose more than "
                    "`max_loss_fraction`",
                    _LATCHES,
                    LimitAction.LATCH,
                    latch_cause=HaltCause.MAX_LOSS,
                ),
            ),
            always_recorded=True,
        ),
    ] = None
    reset_zone: Annotated[
        str,
        Limit(ValueKind.ZONE, "time zone in which the trading day begins, an IANA name"),
    ]
    reset_hour: Annotated[
        int,
        Limit(ValueKind.HOUR, "hour of that zone at which it begins"),
    ] = 0
    max_order_lots: Annotated[
        float | None,
        Limit(ValueKind.AMOUNT, "most lots of one order; a larger order is cut to it"),
    ] = None
    max_symbol_risk_fraction: Annotated[
        float | None,
        Limit(
            ValueKind.FRACTION,
            "most that may be lost on one symbol, of the day-start balance",
            (LimitHit(DenyReason.SYMBOL_RISK, "`max_symbol_risk_fraction` would be exceeded"),),
            needs=ContextPart.CONCENTRATION,
        ),
    ] = None
    max_currency_risk_fraction: Annotated[
        float | None,
        Limit(
            ValueKind.FRACTION,
            "most that may be lost net on one currency, of the day-start balance",
            (
                LimitHit(
                    DenyReason.CURRENCY_EXPOSURE, "`max_currency_risk_fraction` would be exceeded"
                ),
            ),
            needs=ContextPart.CONCENTRATION,
        ),
    ] = None
    max_orders_per_hour: Annotated[
        int | None,
        Limit(
            ValueKind.COUNT,
            "most entries approved in the last 60 minutes",
            (LimitHit(DenyReason.ORDERS_PER_HOUR, "`max_orders_per_hour` is reached"),),
            needs=ContextPart.COUNTS,
        ),
    ] = None
    max_orders_per_day: Annotated[
        int | None,
        Limit(
            ValueKind.COUNT,
            "most entries approved in one trading day",
            (LimitHit(DenyReason.ORDERS_PER_DAY, "`max_orders_per_day` is reached"),),
            needs=ContextPart.COUNTS,
        ),
    ] = None
    max_trades_per_symbol_per_day: Annotated[
        int | None,
        Limit(
            ValueKind.COUNT,
            "most entries on one symbol approved in one trading day",
            (
                LimitHit(
                    DenyReason.TRADES_PER_SYMBOL_PER_DAY,
                    "`max_trades_per_symbol_per_day` is reached",
                ),
            ),
            needs=ContextPart.COUNTS,
        ),
    ] = None
    cool_down_minutes: Annotated[
        int,
        Limit(
            ValueKind.WHOLE,
            "minutes without entries after a position was closed at a loss",
            (
                LimitHit(
                    DenyReason.COOL_DOWN, "`cool_down_minutes` have not passed since the last loss"
                ),
            ),
            needs=ContextPart.COUNTS,
        ),
    ] = 0
    allow_slippage_points: Annotated[
        int,
        Limit(ValueKind.WHOLE, "points by which the worst case expects every fill to slip"),
    ] = 0
    allow_gap_fraction: Annotated[
        float,
        Limit(
            ValueKind.PART,
            "fraction of the price by which the worst case expects a gap beyond a stop",
        ),
    ] = 0.0
    firm_reserve_fraction: Annotated[
        float | None,
        Limit(
            ValueKind.PART,
            "part of the initial balance that the worst case stays above the firm's loss limits of "
            "today and of the next day; 0.0 means just above",
            (
                LimitHit(
                    DenyReason.FIRM_LOSS_BUFFER,
                    "the worst case would come too close to the firm's loss limit",
                ),
                LimitHit(
                    "firm_floor",
                    "equity has come as close to the firm's loss limit as "
                    "`firm_reserve_fraction` allows",
                    _HALTS,
                    LimitAction.FLATTEN,
                ),
            ),
            needs=ContextPart.FIRM_FLOORS,
        ),
    ] = None
    keep_stops: Annotated[
        bool,
        Limit(
            ValueKind.FLAG,
            "a stop may not be moved away from the price",
            (
                LimitHit(
                    DenyReason.WIDER_STOP,
                    "`keep_stops` is set and the stop would move away from the price",
                    (),
                ),
            ),
        ),
    ] = False
    transient_rejections: Annotated[
        str,
        Limit(
            ValueKind.REACTION,
            "what a requote, a closed market and the like do: `suspend` trading until a check "
            "passes, or `latch`",
        ),
    ] = "suspend"
    actions: Annotated[
        dict[str, LimitAction],
        Limit(ValueKind.ACTIONS, "what happens beside the denial when a limit is hit"),
    ] = {}

    def terms(self) -> dict[str, Any]:
        """The limits as plain values, those that are off left out.

        So a session's record does not change with limits that it does not use.
        """
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {
            name: value
            for name, value in plain.items()
            if LIMIT_TABLE[name].always_recorded or is_set(self, name)
        }


def _rows() -> dict[str, Limit]:
    return {name: kind.__metadata__[0] for name, kind in Limits.__annotations__.items()}


def _off_values() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(Limits):
        if field.default_factory is not msgspec.NODEFAULT:
            found[field.name] = field.default_factory()
        elif field.default is not msgspec.NODEFAULT:
            found[field.name] = field.default
    return found


LIMIT_TABLE: Final[Mapping[str, Limit]] = _rows()
"""The row of each limit by its name, in the order of a preset's keys."""

OFF_VALUES: Final[Mapping[str, Any]] = _off_values()
"""What each limit that may be left out is when it is off."""

LIMIT_HITS: Final[Mapping[str, LimitHit]] = {
    str(hit.name): hit for row in LIMIT_TABLE.values() for hit in row.hits
}
"""What may be hit, by its name in `Limits.actions`; a limit that denies bears its reason's name."""


def is_set(limits: Limits, name: str) -> bool:
    """Whether the limit `name` is in force."""
    return name not in OFF_VALUES or bool(getattr(limits, name) != OFF_VALUES[name])


def needed_parts(limits: Limits) -> frozenset[ContextPart]:
    """The parts of the risk context that the limits in force need."""
    return frozenset(
        row.needs
        for name, row in LIMIT_TABLE.items()
        if row.needs is not None and is_set(limits, name)
    )


def action_of(limits: Limits, hit: str) -> LimitAction:
    """What is declared to happen when a limit is hit, by default the table's action.

    What no limit stands for (an order that the margin does not cover) is denied and nothing else.
    """
    row = LIMIT_HITS.get(hit)
    return LimitAction.DENY if row is None else limits.actions.get(hit, row.default)


def flattening_causes(limits: Limits) -> frozenset[HaltCause]:
    """The halts that only a limit leads to whose action is to close everything."""
    causes: dict[bool, set[HaltCause]] = {True: set(), False: set()}
    for name, row in LIMIT_HITS.items():
        if (action := action_of(limits, name)) is not LimitAction.DENY:
            causes[action is LimitAction.FLATTEN].add(row.cause(action))
    return frozenset(causes[True] - causes[False])
