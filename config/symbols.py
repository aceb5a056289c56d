"""Reading the table of symbols, written in lots and dollars, into the engine's units."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from config.section import Section
from config.yaml_strict import load_yaml
from engine.types import UNITS_PER_LOT, USD, Conversion, SymbolSpec

_FILE: Final = Path(__file__).parent / "symbols.yaml"
_KEYS: Final = (
    "base",
    "quote",
    "digits",
    "contract",
    "volume_min",
    "volume_step",
    "volume_max",
    "commission",
    "spread_floor_points",
    "stops_level",
    "leverage",
)
_FLOORS: Final = ("rollover_hour", "otherwise")
_CURRENCY: Final = re.compile(r"[A-Z][A-Z0-9]{1,9}")
_CENTS: Final = 100
_LARGEST: Final = 10**9
_LONGEST_SYMBOL: Final = 29  # what an order request takes


def load_symbols(file: Path | None = None) -> dict[str, SymbolSpec]:
    """The symbols of `file` (None: the program's own table); their order is the rank order.

    Of a symbol with neither side in the account's currency only a terminal can tell what it is
    worth. Raises ConfigError.
    """
    file = _FILE if file is None else file
    document = load_yaml(file)
    table = Section(document, (), document.root, ("symbols",)).section("symbols")
    if not table.keys:
        raise table.error(None, "holds no symbol; add one, as config/symbols.yaml does")
    return {name: _spec(name, table) for name in table.keys}


def conversion_of(base: str, quote: str, currency: str) -> Conversion:
    """How a profit in `quote` becomes the account's `currency`."""
    if quote == currency:
        return Conversion.NONE
    return Conversion.DIVIDE if base == currency else Conversion.FROM_BROKER


def in_currency(spec: SymbolSpec, currency: str) -> SymbolSpec:
    """The symbol as an account in `currency` has it; its commission stays the figure that it is."""
    conversion = conversion_of(spec.base, spec.quote, currency)
    return msgspec.structs.replace(spec, conversion=conversion)


def symbols_yaml(specs: Iterable[SymbolSpec]) -> str:
    """The symbols as a file that `load_symbols` reads; swap is not part of one."""
    blocks = [
        "# Facts of symbols as a terminal reported them. It reports no commission (USD per lot and",
        "# side) and no spread floors (points): correct them.",
        "symbols:",
    ]
    for spec in specs:
        floors = f"{{rollover_hour: {spec.spread_floor_rollover}, otherwise: {spec.spread_floor}}}"
        blocks += [
            f"  {_quoted(spec.name)}:",
            f"    base: {_base(spec)}",
            f"    quote: {spec.quote}",
            f"    digits: {spec.digits}",
            f"    contract: {spec.contract}",
            f"    volume_min: {_lots(spec.volume_min)}",
            f"    volume_step: {_lots(spec.volume_step)}",
            f"    volume_max: {_lots(spec.volume_max)}",
            f"    commission: {spec.commission / _CENTS:.4f}",
            f"    spread_floor_points: {floors}",
            f"    stops_level: {spec.stops_level}",
            f"    leverage: {spec.leverage}",
        ]
    return "\n".join(blocks) + "\n"


def _quoted(name: str) -> str:
    return name if name.isalnum() and not name[:1].isdigit() else f'"{name}"'


def _base(spec: SymbolSpec) -> str:
    """The base as the table has it: some brokers give an index a currency, which converts nothing.

    An index has its own name as its base, as far as that makes a code.
    """
    converts = spec.conversion is Conversion.DIVIDE
    if spec.base and spec.base != spec.quote and (converts or spec.base != USD):
        return spec.base
    code = re.sub(r"[^A-Z0-9]", "", spec.name.upper())[:10]
    return code if _CURRENCY.fullmatch(code) else f"X{code}"[:10]


def _lots(volume: int) -> str:
    lots = Decimal(volume) / UNITS_PER_LOT
    return f"{lots.normalize():f}"


def _spec(name: str, table: Section) -> SymbolSpec:
    section = table.section(name, _KEYS)
    if len(name) > _LONGEST_SYMBOL:
        raise section.error(None, f"the name is longer than {_LONGEST_SYMBOL} characters")
    floors = section.section("spread_floor_points", _FLOORS)
    base, quote = _currency(section, "base"), _currency(section, "quote")
    step = _units(section, "volume_step")
    return SymbolSpec(
        name=name,
        digits=section.whole("digits", least=0, most=8),
        contract=section.whole("contract", least=1, most=_LARGEST),
        volume_min=_steps(section, "volume_min", step),
        volume_step=step,
        volume_max=_largest(section, step),
        commission=float(Decimal(repr(section.number("commission"))) * _CENTS),
        spread_floor_rollover=floors.whole("rollover_hour", least=0, most=_LARGEST),
        spread_floor=floors.whole("otherwise", least=0, most=_LARGEST),
        stops_level=section.whole("stops_level", least=0, most=_LARGEST),
        leverage=section.whole("leverage", least=1, most=10_000),
        conversion=_conversion(section, base, quote),
        base=base,
        quote=quote,
    )


def _currency(section: Section, key: str) -> str:
    code = section.text(key)
    if not _CURRENCY.fullmatch(code):
        raise section.error(
            key, f"must be a code of capital letters and digits such as EUR, not {code!r}"
        )
    return code


def _conversion(section: Section, base: str, quote: str) -> Conversion:
    if base == quote:
        raise section.error(
            "base", f"is {base!r} like the quote; an index has its own name as its base"
        )
    return conversion_of(base, quote, USD)


def _units(section: Section, key: str) -> int:
    """Decimal lots as volume units, by `Decimal` since 0.07 x 10,000 is not whole in binary."""
    lots = section.number(key)
    units = Decimal(repr(lots)) * UNITS_PER_LOT
    if units <= 0 or units != units.to_integral_value():
        smallest = 1 / UNITS_PER_LOT
        raise section.error(key, f"must be lots in steps of {smallest:g}, above 0, not {lots:g}")
    return int(units)


def _steps(section: Section, key: str, step: int) -> int:
    units = _units(section, key)
    if units % step:
        raise section.error(key, "must be a multiple of volume_step; change one of them")
    return units


def _largest(section: Section, step: int) -> int:
    largest = _steps(section, "volume_max", step)
    if largest < _steps(section, "volume_min", step):
        raise section.error("volume_max", "is below volume_min; change one of them")
    return largest
