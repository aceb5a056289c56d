"""No error, warning, report or repr of the configuration shows a password, wherever it stands."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from config.limits import with_overrides
from config.loader import (
    AccountProfile,
    CliOverrides,
    ConfigError,
    Secret,
    config_report,
    load_preset,
    load_profiles,
    load_symbols,
    resolve_account,
)
from config.profiles import LARGEST_LOGIN

CONFIG = Path(__file__).resolve().parents[2] / "config"
NEIGHBOURS = "    server: MetaQuotes-Demo\n    login: 12345678\n"

# Each text is put between the lines of a profile, with the password where § stands.
LINES = [
    "password: §",
    "password: '§",
    'password: "§',
    "password: [§]",
    "password: {x: §}",
    "password: {§: x}",
    "password: *§",
    "password: &§",
    "password: !§ x",
    "password: !!int §",
    "password: |§",
    "password: %§",
    "password: @§",
    "password: §: x",
    "password:§",
    "password\t§",
    "password §",
    "password: §\n    password: §",
    "password: x§\n    §: 1\n    §: 2",
    "password: good\n  §",
    "password: good\n      §: x",
    "<<: §",
    "<<: [§]",
    "§: password",
    "'§': password",
    "§",
    "'§'",
    "login: §",
    "login: '§'",
    "purpose: §",
    "host: §",
    "host: §:80",
    "host: '[§]:80'",
    "default_symbol: [§]",
    "terminal_path: {a: §}",
    "symbol_map: §",
    "symbol_map: {§: 5}",
    "symbol_map: {A: x, B: x, '§': x}",
    "symbol_map: {XAUUSD: ['§']}",
    "unknown: §",
    "pasword: §",
]
FILES = [
    "profiles: §\n",
    "profiles: ['§']\n",
    "profiles:\n  DEMO: §\n",
    "profiles:\n  DEMO:\n  password: §\n",
    "profiles:\n  DEMO:\n    server: x\npassword: §\n",
    "profiles:\n  'my §': x\n",
    "§\n",
    "§: x\n",
    "- §\n",
    "profiles: &p\n  DEMO: {password: '§', host: *p}\n",
]

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=20)
phrases = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=12)
numbers = st.from_regex(r"[-+]?[0-9][0-9_:.]{5,11}", fullmatch=True)
dates = st.dates().map(str)
passwords = printable | phrases | numbers | dates


def own_words() -> str:
    """What messages are made of: a password that stands in it proves nothing."""
    sources = [file.read_text(encoding="utf-8") for file in CONFIG.glob("*.py")]
    return "\n".join([*sources, *LINES, *FILES, NEIGHBOURS, str(LARGEST_LOGIN)])


WORDS = own_words()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("accounts") / "accounts.yaml"


def everything_said(action: Callable[[], object]) -> str:
    """All that an error from `action` could show; nothing if it succeeds."""
    try:
        action()
        return ""
    except ConfigError as error:
        caught = error
    assert "\n" not in str(caught)
    assert caught.__context__ is None
    assert caught.__cause__ is None
    return "\n".join([str(caught), repr(caught), repr(caught.args), repr(vars(caught))])


def hides(text: str, hidden: str) -> bool:
    """Neither the password nor the number that YAML 1.1 may have made of it is in `text`."""
    forms = {hidden, repr(hidden)[1:-1], json.dumps(hidden)[1:-1]}
    if re.fullmatch(r"[-+]?[0-9]+", hidden):
        forms |= {str(int(hidden)), str(float(hidden))}
        if set(hidden) <= set("01234567"):
            forms.add(str(int(hidden, 8)))
    return not any(form in text for form in forms if len(form) >= 6)


@settings(max_examples=300, deadline=None)
@given(template=st.sampled_from(LINES), hidden=passwords)
@example(template="password: §", hidden="73519024")
@example(template="password: §", hidden="01234567")
@example(template="password: §", hidden="2024-13-45")
@example(template="password:§", hidden="abcdef")
@example(template="login: '§'", hidden="73519024")
@example(template="§: password", hidden="hunter22")
def test_no_error_about_a_profile_shows_the_password(
    file: Path, template: str, hidden: str
) -> None:
    assume(hidden not in WORDS and hidden not in str(file))
    line = template.replace("§", hidden)
    before = f"profiles:\n  DEMO:\n    {line}\n{NEIGHBOURS}"
    after = f"profiles:\n  DEMO:\n{NEIGHBOURS}    {line}\n"
    for content in (before, after):
        file.write_text(content, encoding="utf-8")
        assert hides(everything_said(lambda: load_profiles(file)), hidden)


@settings(max_examples=100, deadline=None)
@given(template=st.sampled_from(FILES), hidden=passwords)
def test_no_error_about_the_file_s_layout_shows_the_password(
    file: Path, template: str, hidden: str
) -> None:
    assume(hidden not in WORDS and hidden not in str(file))
    content = template.replace("§", hidden)
    file.write_text(content, encoding="utf-8")
    assert hides(everything_said(lambda: load_profiles(file)), hidden)


@settings(max_examples=100, deadline=None)
@given(hidden=passwords)
def test_an_accounts_file_taken_for_another_file_shows_no_password(file: Path, hidden: str) -> None:
    assume(hidden not in WORDS and hidden not in str(file))
    for line in (f"password: {hidden}", f"password: '{hidden}"):
        file.write_text(f"profiles:\n  DEMO:\n{NEIGHBOURS}    {line}\n", encoding="utf-8")
        for load in (load_preset, load_symbols):
            assert hides(everything_said(lambda load=load: load(file)), hidden)  # type: ignore[misc]


@settings(max_examples=100, deadline=None)
@given(hidden=passwords)
def test_a_resolved_account_shows_no_password(hidden: str) -> None:
    assume(hidden not in WORDS and hidden.isprintable())
    profile = AccountProfile(
        name="DEMO",
        file="accounts.yaml",
        given=frozenset({"server", "login", "password"}),
        server="S",
        login=7,
        password=Secret(hidden),
    )
    environ = {"OMEGA_MT5_PASSWORD": hidden}
    for cli in (CliOverrides(), CliOverrides(password=Secret(hidden))):
        for variables in ({}, environ):
            account = resolve_account("DEMO", {"DEMO": profile}, cli, variables)
            assert account.password.reveal() == hidden
            shown = [repr(account), str(account), repr(profile), repr(cli), *account.warnings]
            shown += [repr(row) for row in config_report(account)]
            assert hides("\n".join(shown), hidden)


@settings(max_examples=100, deadline=None)
@given(hidden=passwords)
def test_a_password_given_as_another_option_or_variable_is_not_shown(hidden: str) -> None:
    assume(hidden not in WORDS)
    profile = AccountProfile(name="DEMO", file="f", server="S", login=7, password=Secret("other"))
    given_elsewhere: list[tuple[CliOverrides, dict[str, str]]] = [
        (CliOverrides(login=f"x{hidden}"), {}),
        (CliOverrides(server=f" {hidden}"), {}),
        (CliOverrides(password=Secret(f"{hidden}\r")), {}),
        (CliOverrides(), {"OMEGA_MT5_LOGIN": f"{hidden}x"}),
        (CliOverrides(), {"OMEGA_MT5_SERVER": f"{hidden} "}),
        (CliOverrides(), {"OMEGA_MT5_PASSWORD": f"{hidden}\n"}),
    ]
    for cli, environ in given_elsewhere:
        said = everything_said(
            lambda c=cli, e=environ: resolve_account("DEMO", {"DEMO": profile}, c, e)  # type: ignore[misc]
        )
        assert said, "each of these spoils a field"
        assert hides(said, hidden)


@given(
    count=st.integers(1, 10**6),
    fraction=st.floats(0, 1, exclude_min=True, exclude_max=True),
)
def test_good_limits_are_taken_as_they_are(count: int, fraction: float) -> None:
    limits = load_preset("ftmo_m15").limits
    changed = with_overrides(limits, max_positions=count, daily_loss_fraction=fraction)
    assert (changed.max_positions, changed.daily_loss_fraction) == (count, fraction)
    assert changed.per_trade_risk_fraction == limits.per_trade_risk_fraction


@given(
    name=st.sampled_from(["per_trade_risk_fraction", "daily_loss_fraction", "max_loss_fraction"]),
    value=st.one_of(
        st.floats(max_value=0), st.floats(min_value=1), st.just(float("nan")), st.booleans()
    ),
)
def test_no_fraction_outside_0_to_1_is_taken(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match="must be a fraction above 0 and below 1"):
        with_overrides(load_preset("ftmo_m15").limits, **{name: value})
