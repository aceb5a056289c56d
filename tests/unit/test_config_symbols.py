"""The symbols' table: written in lots and dollars, loaded in the engine's units."""

from pathlib import Path

import pytest

from config.loader import ConfigError, load_symbols
from engine.types import Conversion, SymbolSpec

SYMBOL = """\
symbols:
  EURUSD:
    base: EUR
    quote: USD
    digits: 5
    contract: 100000
    volume_min: 0.01
    volume_step: 0.01
    volume_max: 50
    commission: 2.50
    spread_floor_points: {rollover_hour: 24, otherwise: 2}
    stops_level: 0
    leverage: 100
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "symbols.yaml"


def published(
    name: str, digits: int, contract: int, most: int, commission: float, floors: tuple[int, int]
) -> SymbolSpec:
    """A row of the published table; volumes in units of 1/10,000 lot, commission in cents."""
    usd_base = name.startswith("USD")
    return SymbolSpec(
        name=name,
        digits=digits,
        contract=contract,
        volume_min=100,
        volume_step=100,
        volume_max=most * 10_000,
        commission=commission,
        spread_floor_rollover=floors[0],
        spread_floor=floors[1],
        stops_level=0,
        leverage=30 if name == "XAUUSD" else 100,
        conversion=Conversion.DIVIDE if usd_base else Conversion.NONE,
        base=name[:3],
        quote=name[3:],
    )


def test_the_preset_s_symbols_come_first_with_the_published_facts() -> None:
    assert list(load_symbols().values())[:4] == [
        published("EURUSD", 5, 100_000, 50, 250.0, (24, 2)),
        published("GBPUSD", 5, 100_000, 50, 250.0, (51, 5)),
        published("USDJPY", 3, 100_000, 50, 250.0, (38, 4)),
        published("XAUUSD", 2, 100, 20, 0.0, (60, 15)),
    ]


def test_the_other_majors_an_index_and_crosses_are_there() -> None:
    symbols = load_symbols()
    crosses = ["EURGBP", "EURJPY", "GBPJPY"]
    assert list(symbols)[4:] == ["USDCHF", "USDCAD", "AUDUSD", "NZDUSD", "US30", *crosses]
    assert {symbols[name].conversion for name in crosses} == {Conversion.FROM_BROKER}
    assert symbols["USDCHF"].conversion is Conversion.DIVIDE
    assert symbols["US30"].conversion is Conversion.NONE
    assert symbols["US30"].base != "USD", "its margin follows its price"


def test_the_order_of_the_file_is_kept(file: Path) -> None:
    body = SYMBOL.removeprefix("symbols:\n")
    file.write_text(SYMBOL + body.replace("EURUSD", "AUDUSD").replace("EUR", "AUD"))
    assert list(load_symbols(file)) == ["EURUSD", "AUDUSD"]


@pytest.mark.parametrize(
    ("lots", "units"), [("0.07", 700), ("0.29", 2900), ("0.0001", 1), ("1", 10_000)]
)
def test_lots_become_exact_units(file: Path, lots: str, units: int) -> None:
    text = SYMBOL.replace("volume_min: 0.01", f"volume_min: {lots}")
    file.write_text(text.replace("volume_step: 0.01", "volume_step: 0.0001"))
    assert load_symbols(file)["EURUSD"].volume_min == units


@pytest.mark.parametrize(
    ("dollars", "cents"), [("2.5", 250.0), ("0.07", 7.0), ("3", 300.0), ("0.005", 0.5)]
)
def test_commission_becomes_exact_cents(file: Path, dollars: str, cents: float) -> None:
    file.write_text(SYMBOL.replace("2.50", dollars))
    assert load_symbols(file)["EURUSD"].commission == cents


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("base: EUR", "base: eur", "line 3, symbols.EURUSD.base: must be a code of capital"),
        ("base: EUR", "base: USD", "line 3, symbols.EURUSD.base: is 'USD' like the quote"),
        ("digits: 5", "digits: 9", "line 5, symbols.EURUSD.digits: must be a whole number from 0"),
        ("digits: 5", "digits: '5'", "line 5, symbols.EURUSD.digits: must be a whole number but"),
        ("contract: 100000", "contract: 0", "line 6, symbols.EURUSD.contract: must be a whole"),
        ("min: 0.01", "min: 0", "line 7, symbols.EURUSD.volume_min: must be lots in steps of"),
        ("min: 0.01", "min: -0.01", "line 7, symbols.EURUSD.volume_min: must be at least 0"),
        ("min: 0.01", "min: 0.00001", "line 7, symbols.EURUSD.volume_min: must be lots in steps"),
        ("min: 0.01", "min: 0.015", "line 7, symbols.EURUSD.volume_min: must be a multiple of"),
        ("min: 0.01", "min: '0.01'", "line 7, symbols.EURUSD.volume_min: must be a number but is"),
        ("min: 0.01", "min: true", "line 7, symbols.EURUSD.volume_min: must be a number but is"),
        ("step: 0.01", "step: 0", "line 8, symbols.EURUSD.volume_step: must be lots in steps of"),
        ("max: 50", "max: 0.005", "line 9, symbols.EURUSD.volume_max: must be a multiple of"),
        ("min: 0.01", "min: 51", "line 9, symbols.EURUSD.volume_max: is below volume_min"),
        ("2.50", "-1", "line 10, symbols.EURUSD.commission: must be at least 0, not -1"),
        (", otherwise: 2", "", "line 11, symbols.EURUSD.spread_floor_points.otherwise: is missing"),
        ("otherwise: 2", "other: 2", "line 11, symbols.EURUSD.spread_floor_points.other: unknown"),
        ("leverage: 100", "leverage: 0", "line 13, symbols.EURUSD.leverage: must be a whole"),
        ("    leverage: 100\n", "", "line 2, symbols.EURUSD.leverage: is missing; add"),
        ("leverage:", "laverage:", "line 13, symbols.EURUSD.laverage: unknown key 'laverage'; did"),
        ("  EURUSD:", f"  {'E' * 30}:", f"line 2, symbols.{'E' * 30}: the name is longer than 29"),
    ],
)
def test_a_wrong_symbol_is_one_error_with_its_path(
    file: Path, old: str, new: str, said: str
) -> None:
    assert old in SYMBOL
    file.write_text(SYMBOL.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_symbols(file)
    assert str(caught.value).removeprefix(f"{file}, ").startswith(said)


@pytest.mark.parametrize(
    "content", ["symbols: {}\n", "symbols:\n", "symbols: [EURUSD]\n", "x: 1\n"]
)
def test_a_file_without_symbols_is_refused(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"line 1, (symbols|x): "):
        load_symbols(file)
