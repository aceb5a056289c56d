"""The contract module holds the MetaTrader5 package's surface: nothing more, nothing less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.mt5.api import constants, contract
from adapters.mt5.api.contract import FUNCTIONS, Access, Call, Delivery, RequestOutcome, Struct

MEASURED = Path(__file__).resolve().parents[3] / "shared" / "reference" / "mt5_contract.json"

# How the measured table abbreviates groups of functions that share one calling style.
GROUPS = {
    "history_*_total": ("history_orders_total", "history_deals_total"),
    "copy_rates_*": ("copy_rates_from", "copy_rates_from_pos", "copy_rates_range"),
    "copy_ticks_*": ("copy_ticks_from", "copy_ticks_range"),
    "market_book_add/release": ("market_book_add", "market_book_release"),
}
# In the vendor's documentation; the measurement did not look at them.
DOCUMENTED_ONLY = {"orders_total", "positions_total"}


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    if not MEASURED.is_file():
        pytest.skip(f"the measured contract is not at {MEASURED}")
    loaded: dict[str, Any] = json.loads(MEASURED.read_text(encoding="utf-8"))
    return loaded


def _integers(module: Any) -> dict[str, int]:
    return {name: value for name, value in vars(module).items() if isinstance(value, int)}


def _functions(measured: dict[str, Any]) -> dict[str, dict[str, Any]]:
    spelled_out: dict[str, dict[str, Any]] = {}
    for key, facts in measured["functions"].items():
        for part in GROUPS if key in GROUPS else key.split("/"):
            if key in GROUPS and part != key:
                continue
            spelled_out |= dict.fromkeys(GROUPS.get(part, (part,)), facts)
    return spelled_out


def test_structs_have_the_measured_fields_order_and_types(measured: dict[str, Any]) -> None:
    ours = {
        name: [(field, kind) for field, kind in contract.field_types(struct).items()]
        for name, struct in contract.STRUCTS.items()
    }
    theirs = {
        name: [(field["name"], field["type"].split("(")[0]) for field in facts["fields"]]
        for name, facts in measured["structs"].items()
    }
    assert ours == theirs


def test_structs_count_their_fields_as_the_package_does(measured: dict[str, Any]) -> None:
    for name, facts in measured["structs"].items():
        struct = contract.STRUCTS[name]
        counts = (struct.n_fields, struct.n_sequence_fields, struct.n_unnamed_fields)
        assert counts == (facts["n_fields"], facts["n_sequence_fields"], facts["n_unnamed"])


def test_constants_are_those_of_the_wheel(measured: dict[str, Any]) -> None:
    assert _integers(constants) == measured["constants"]
    assert len(measured["constants"]) == 223


def test_names_that_the_wheel_lacks_are_kept_apart(measured: dict[str, Any]) -> None:
    missing = {k: v for k, v in measured["not_in_wheel"].items() if k != "note"}
    ours = {f"SYMBOL_FILLING_{bit.name}": bit.value for bit in contract.SymbolFilling}
    ours["TRADE_RETCODE_HEDGE_PROHIBITED"] = contract.HEDGE_PROHIBITED
    assert ours == missing
    assert not missing.keys() & vars(constants).keys()


def test_return_codes_are_the_measured_ones(measured: dict[str, Any]) -> None:
    theirs = {int(code): facts["constant"] for code, facts in measured["trade_retcodes"].items()}
    theirs[10046] = "TRADE_RETCODE_HEDGE_PROHIBITED"
    assert {code.code: code.constant for code in contract.RETURN_CODES.values()} == theirs
    for code, constant in theirs.items():
        assert getattr(constants, constant, 10046) == code


def test_every_return_code_constant_has_a_meaning() -> None:
    named = {n for n in vars(constants) if n.startswith("TRADE_RETCODE_")}
    explained = {code.constant for code in contract.RETURN_CODES.values() if code.meaning}
    assert explained - named == {"TRADE_RETCODE_HEDGE_PROHIBITED"}
    assert named <= explained


def test_error_codes_are_the_measured_ones_with_their_text(measured: dict[str, Any]) -> None:
    theirs = {int(code): text for code, text in measured["last_error"].items()}
    assert contract.ERROR_CODES.keys() == theirs.keys()
    for code, text in theirs.items():
        assert contract.ERROR_CODES[code].text in text
    in_wheel = {value for name, value in _integers(constants).items() if name.startswith("RES_")}
    assert contract.ERROR_CODES.keys() - in_wheel == {0}


def test_functions_are_the_measured_ones_with_their_failure_values(
    measured: dict[str, Any],
) -> None:
    theirs = _functions(measured)
    assert FUNCTIONS.keys() - theirs.keys() == DOCUMENTED_ONLY
    assert not theirs.keys() - FUNCTIONS.keys()
    spoken = {"always True": contract.NEVER_FAILS, "None; False when group is not str": None}
    for name, facts in theirs.items():
        failure = facts.get("fail", "always True")
        if name == "version":
            assert failure.startswith(str(FUNCTIONS[name].failure))
        else:
            assert FUNCTIONS[name].failure is spoken.get(failure, failure), name


def test_calling_styles_are_the_measured_ones(measured: dict[str, Any]) -> None:
    words = {
        Call.POSITIONAL: "positional",
        Call.KEYWORD: "group=",
        Call.REQUEST: "one dict positional with NO kwargs object",
        Call.DATES: "dates positional only",
        Call.MIXED: "password",
        Call.NOTHING: ("no args", "()"),
    }
    for name, facts in _functions(measured).items():
        if "call" in facts:
            expected = words[FUNCTIONS[name].call]
            options = expected if isinstance(expected, tuple) else (expected,)
            assert any(option in facts["call"] for option in options), name


def test_array_records_are_the_measured_ones(measured: dict[str, Any]) -> None:
    facts = measured["numpy"]
    assert [list(field) for field in contract.RATES_FIELDS] == facts["rates"]
    assert [list(field) for field in contract.TICKS_FIELDS] == facts["ticks"]
    assert contract.rates_dtype().itemsize == facts["itemsize"]
    assert contract.ticks_dtype().itemsize == facts["itemsize"]


def test_limits_are_the_measured_ones(measured: dict[str, Any]) -> None:
    limits = measured["limits"]
    assert limits["symbol_max_chars"] == contract.SYMBOL_MAX_CHARS
    assert limits["order_comment_max_chars"] == contract.COMMENT_MAX_CHARS
    assert limits["password_server_max_chars"] == contract.PASSWORD_MAX_CHARS
    assert limits["password_server_max_chars"] == contract.SERVER_MAX_CHARS
    assert limits["default_timeout_ms"] == contract.DEFAULT_TIMEOUT_MS
    assert str(contract.PATH_MAX_CHARS) in limits["initialize_path_max"]


def test_request_keys_have_the_measured_types(measured: dict[str, Any]) -> None:
    kinds = {"int ": int, "float ": float, "str ": str}
    theirs = {
        field: next(kind for word, kind in kinds.items() if rule.startswith(word))
        for fields, rule in measured["order_send_typing"].items()
        if fields != "missing keys"
        for field in fields.split(",")
    }
    assert theirs == contract.REQUEST_TYPES


# --- behaviour that needs no measurement at hand -------------------------------------------------


def test_only_three_error_codes_prove_that_nothing_was_sent() -> None:
    assert {c for c in contract.ERROR_CODES if contract.delivery_of(c) is Delivery.NEVER_SENT} == {
        -2,
        -8,
        -10004,
    }


def test_undocumented_codes_conclude_nothing() -> None:
    assert contract.delivery_of(-12345) is Delivery.UNKNOWN
    assert contract.outcome_of(10099) is RequestOutcome.UNKNOWN


def test_return_codes_that_may_have_executed_are_unknown_or_accepted() -> None:
    by_outcome: dict[RequestOutcome, set[int]] = {}
    for code in contract.RETURN_CODES:
        by_outcome.setdefault(contract.outcome_of(code), set()).add(code)
    assert by_outcome[RequestOutcome.DONE] == {10009}
    assert by_outcome[RequestOutcome.ACCEPTED] == {10008, 10010}
    assert by_outcome[RequestOutcome.UNKNOWN] == {10011, 10012, 10031}


def test_order_send_is_the_only_trading_function() -> None:
    trading = {name for name, f in FUNCTIONS.items() if f.access is Access.TRADE}
    session = {name for name, f in FUNCTIONS.items() if f.access is Access.SESSION}
    assert trading == {"order_send"}
    assert session == {"initialize", "login", "shutdown"}


@pytest.mark.parametrize("empty", [(), 0, 0.0, "", False])
def test_an_empty_result_is_not_a_failure_where_none_is(empty: object) -> None:
    assert not FUNCTIONS["positions_get"].failed(empty)
    assert FUNCTIONS["positions_get"].failed(None)


def test_a_failed_version_is_told_from_a_good_one() -> None:
    assert FUNCTIONS["version"].failed((0, 0, ""))
    assert not FUNCTIONS["version"].failed((500, 5120, "1 Aug 2025"))
    assert FUNCTIONS["symbol_select"].failed(False)
    assert not FUNCTIONS["shutdown"].failed(False)


def test_a_struct_is_a_tuple_with_names() -> None:
    values = (1_700_000_000, 1.1, 1.2, 0.0, 0, 1_700_000_000_123, 6, 0.0)
    tick = contract.MqlTick(values)
    assert hash(tick) == hash(values)
    assert (tick == values) is True
    assert (tick.bid, tick.ask, tick[5]) == (1.1, 1.2, tick.time_msc)
    assert not hasattr(tick, "_fields")
    assert repr(tick).startswith("Tick(time=1700000000, bid=1.1, ")


def test_a_struct_cannot_be_changed() -> None:
    tick = contract.MqlTick.of()
    for name in ("bid", "invented"):
        with pytest.raises(AttributeError):
            setattr(tick, name, 2.0)


def test_asdict_keeps_an_inner_struct_as_a_struct() -> None:
    request = contract.TradeRequest.of(symbol="EURUSD", volume=0.1)
    answer = contract.OrderSendResult.of(retcode=10009, request=request)
    assert answer._asdict()["request"] is request
    assert list(answer._asdict()) == list(contract.field_types(contract.OrderSendResult))


def test_a_wrong_count_of_values_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Tick takes 8 values \(2 given\)"):
        contract.MqlTick((1, 2))


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Tick has no field bit"):
        contract.MqlTick.of(bit=1.1)


@pytest.mark.parametrize("struct", contract.STRUCTS.values(), ids=contract.STRUCTS)
def test_fields_not_given_are_the_zero_of_their_type(struct: type[Struct]) -> None:
    for kind, value in zip(contract.field_types(struct).values(), struct.of(), strict=True):
        assert type(value).__name__ == kind
        assert not value or kind == "TradeRequest"


def test_a_changed_copy_leaves_the_original_alone() -> None:
    tick = contract.MqlTick.of(bid=1.1)
    assert tick._with(ask=1.2) == contract.MqlTick.of(bid=1.1, ask=1.2)
    assert tick.ask == 0.0
