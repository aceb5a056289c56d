"""The documents name what there is, and their generated parts are what the code says."""

from __future__ import annotations

import ast
import functools
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup

from config.alerts import ALERT_KINDS
from scripts.cli.main import COMMANDS
from scripts.cli.shared.exit_codes import ExitCode
from tests.bench.__main__ import names as benchmarks
from tests.commands import butler
from tests.docs import event_table, reference
from tests.docs.blocks import BLOCKS, ROOT, names_in, pages, renewed

README = ROOT / "README.md"
MOST_LINES = 150
PAGES = pages()


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def fenced(text: str, language: str) -> list[str]:
    """The blocks of code of a language; "" stands for blocks that name none."""
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [code for named, code in found if named == language]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- generated parts -----------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_generated_part_is_what_the_code_says(page: Path) -> None:
    """`python -m tests.docs` makes it so."""
    text = page.read_text(encoding="utf-8")
    assert text == renewed(text)


def test_every_generated_part_stands_in_one_page() -> None:
    found = [name for page in PAGES for name in names_in(page.read_text(encoding="utf-8"))]
    assert sorted(found) == sorted(BLOCKS)


def test_every_comment_about_a_generated_part_is_understood() -> None:
    """A misspelt one would silently stay as it is."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("<!-- generated: ") == text.count("<!-- end of ") == len(names_in(text))


def test_a_name_without_a_meaning_and_a_meaning_without_a_name_are_errors() -> None:
    with pytest.raises(reference.NotExplained, match="explain \\['new_limit'\\]"):
        reference.meanings("alerts", [*ALERT_KINDS, "new_limit"])
    with pytest.raises(reference.NotExplained, match="take out \\['halt'\\]"):
        reference.meanings("alerts", [name for name in ALERT_KINDS if name != "halt"])


# --- the table of events -------------------------------------------------------------------------


def place(source: str) -> event_table.Place:
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    return event_table.Place("engine/example.py", "Example", function)


@pytest.mark.parametrize(
    ("argument", "kinds"),
    [
        ("ev.OrderIntent(order_id=1)", {"OrderIntent"}),
        ("AccountSeen.of(account)", {"AccountSeen"}),
        ("msgspec.structs.replace(given, reason='x')", {"OrderDenied", "OrderApproved"}),
        ("given", {"OrderDenied", "OrderApproved"}),
        ("made", {"SignalRaised"}),
        ("anything", set(event_table.EVENTS)),
        ("whatever", set()),
    ],
)
def test_what_is_published_is_read_from_constructors_and_annotations(
    argument: str, kinds: set[str]
) -> None:
    found = place(
        "def f(self, given: ev.OrderDenied | OrderApproved, anything: ev.Event, whatever):\n"
        "    made = ev.SignalRaised()\n"
        f"    self._bus.publish({argument})"
    )
    (call,) = event_table.calls_in(found.node)
    assert event_table.Reader(found).kinds(call.args[0]) == kinds


@pytest.mark.parametrize(
    "call",
    [
        "publish(whatever)",
        "publish(event=whatever)",
        "publish_all(whatever)",
        "publish_all([ev.Tick(), whatever])",
        "publish_all([ev.Tick()], then=whatever)",
    ],
)
def test_a_publisher_that_cannot_be_read_is_an_error(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the table is never silently short."""
    unclear = place(f"def f(self, whatever):\n    self._bus.{call}")
    source = event_table.source()._replace(places=[unclear])
    monkeypatch.setattr(event_table, "source", lambda: source)
    with pytest.raises(event_table.Unresolved, match=r"engine/example\.py:2"):
        event_table.published()


def test_every_event_and_input_has_a_publisher() -> None:
    """One without would be dead, or put on the bus in a way that the table does not know."""
    assert event_table.KINDS - event_table.published().keys() == set()


def test_what_happened_at_one_moment_is_published_with_what_follows_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that `publish_all` is given counts, in whatever way it is given."""
    found = place(
        "def f(self, events: Sequence[ev.OrderFilled | ev.PositionClosed]):\n"
        "    self._bus.publish_all(events, ev.AccountSeen())\n"
        "    self._bus.publish_all([ev.OrderDenied(), *events], then=ev.Tick())"
    )
    source = event_table.source()._replace(places=[found])
    monkeypatch.setattr(event_table, "source", lambda: source)
    kinds = {"OrderFilled", "PositionClosed", "AccountSeen", "OrderDenied", "Tick"}
    assert event_table.published().keys() == kinds


def test_the_table_of_events_agrees_with_sessions_that_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is published or handled in a replay and on an account stands in the table."""
    from engine.bus import Bus

    by: set[tuple[str, str]] = set()
    to: set[tuple[str, str]] = set()
    known = ("publish", "publish_all", "feed", "attach")
    original = {name: getattr(Bus, name) for name in known}

    def noting(name: str) -> Any:
        def call(bus: Bus, item: Any, *more: Any) -> None:
            frame = sys._getframe(1)
            owner = frame.f_locals.get("self")
            who = type(owner).__name__ if owner else Path(frame.f_code.co_filename).stem
            items = (*item, *more) if name == "publish_all" else (item,)
            by.update((type(it).__name__, who) for it in items)
            original[name](bus, item, *more)

        return call

    def attach(bus: Bus, routes: Any) -> None:
        for kind, handler in routes.items():
            to.add((kind.__name__, handler.__qualname__.partition(".")[0]))
        original["attach"](bus, routes)

    monkeypatch.setattr(Bus, "publish", noting("publish"))
    monkeypatch.setattr(Bus, "publish_all", noting("publish_all"))
    monkeypatch.setattr(Bus, "feed", noting("feed"))
    monkeypatch.setattr(Bus, "attach", attach)
    quiet = ("--quiet", "--results-dir", tmp_path)
    month = ("--from", "2023-01-01", "--to", "2023-02-01")
    assert butler("replay", *month, *quiet, "--objectives", "ftmo_2step").code == ExitCode.DONE
    account = ("--account-profile", "PAPER", "--no-dry-run", "--limit-trades", 1)
    slow = ("--hold-seconds", 0, "--pace", 0)
    assert butler("replay", *account, *slow, *quiet).code == ExitCode.DONE

    told = {
        (kind, found.who) for kind, places in event_table.published().items() for found in places
    }
    handled = {
        (kind, found.who) for kind, places in event_table.handled().items() for found in places
    }
    assert len(by) > 20
    assert by - told == set()
    assert to - handled == set()


# --- README --------------------------------------------------------------------------------------


def test_the_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) <= MOST_LINES


def test_the_output_that_the_readme_shows_is_that_of_the_main_job(tmp_path: Path) -> None:
    """All but the paths, which depend on time and place."""
    (shown, *_) = fenced(text_of("README.md"), "text")
    said = butler("replay", "--results-dir", tmp_path)
    assert said.code == ExitCode.DONE
    assert said.out[:-3] == shown.splitlines()[:-3]
    session = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
    own = f"butler report {tmp_path / 'sessions'}{os.sep}"  # of a folder that is not the usual one
    lines = [line.replace(own, "butler report ") for line in said.out[-3:]]
    paths = [line.replace(f"{tmp_path}", "results") for line in lines]
    assert [session.sub("ID", line) for line in paths] == [
        session.sub("ID", line) for line in shown.splitlines()[-3:]
    ]


def test_the_strategy_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    """Fifteen lines of code, a preset beside them, and the limit that its comment names."""
    text = text_of("README.md")
    (code,), (preset,) = fenced(text, "python"), fenced(text, "yaml")
    assert len([line for line in code.splitlines() if line.strip()]) == 15
    (tmp_path / "breakout.py").write_text(code, encoding="utf-8")
    (tmp_path / "breakout.yaml").write_text(preset, encoding="utf-8")
    said = butler(
        "replay", "--preset", tmp_path / "breakout.yaml", "--results-dir", tmp_path / "results"
    )
    assert said.code == ExitCode.DONE
    assert said.out[0].startswith("breakout done: EURUSD, 49,858 bars")
    opened = re.search(r"trades +([0-9,]+) closed", "\n".join(said.out))
    assert opened is not None
    assert int(opened[1].replace(",", "")) > 50
    lowest = re.search(r"-> ([0-9,.]+) ", "\n".join(said.out))
    assert lowest is not None
    assert float(lowest[1].replace(",", "")) > 90_000


# --- command lines -------------------------------------------------------------------------------


def typed(text: str) -> list[str]:
    """The command lines in a page's blocks and sentences, without what is to be filled in."""
    lines = [line for block in fenced(text, "") for line in block.splitlines()]
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += [" ".join(code.split()) for code in re.findall(r"`(butler [^`]+)`", prose)]
    found = [re.match(r"(?:python -m uv run )?butler ([^#>|]+)", line) for line in lines]
    commands = [match[1].replace("[SESSION]", "") for match in found if match]
    return [command.replace("...", "").strip() for command in commands]


def own_lines() -> list[tuple[str, str]]:
    """Page and command line, but for the page that is made from the commands."""
    found = [
        (name_of(page), line)
        for page in PAGES
        if page.name not in ("commands.md", "CHANGELOG.md")
        for line in typed(page.read_text(encoding="utf-8"))
    ]
    return [(page, line) for page, line in found if line != "COMMAND"]


@pytest.mark.parametrize(("page", "line"), own_lines())
def test_a_command_line_of_a_page_can_be_typed(page: str, line: str) -> None:
    """Its command is there and takes its options; a sentence may leave out what is required."""
    words = shlex.split(line)
    if words[0].startswith("-"):
        return
    command: Any = COMMANDS[words[0]].found(words[0])
    rest = words[1:]
    if isinstance(command, TyperGroup):
        if not rest:
            return
        command, rest = command.commands[rest[0]], rest[1:]
    if "--help" in rest:
        return
    try:
        command.make_context(page, rest)
    except Exception as error:
        if type(error).__name__ != "MissingParameter":
            raise


def test_the_pages_have_command_lines() -> None:
    """Else the test above would be about nothing."""
    assert len(own_lines()) > 50


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_leads_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading of it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), target
        if heading:
            assert heading in headings(found.read_text(encoding="utf-8")), target


def headings(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


PROJECT = ("engine", "risk", "signals", "adapters", "config", "scripts", "tests", "docs", ".ci")
OF_USERS = frozenset({"config/mt5_accounts.yaml"})
"""Files that a user makes."""


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of
)
def test_a_file_that_is_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(rf"`((?:{'|'.join(map(re.escape, PROJECT))})/[\w./*-]*)`", text):
        assert path in OF_USERS or any(ROOT.glob(path.rstrip("/"))), path


def test_a_class_that_the_architecture_names_is_there() -> None:
    known = {
        node.name
        for top in ("engine", "risk", "signals", "adapters", "config", "scripts")
        for path in (ROOT / top).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    } | {"NamedTuple", "SystemError", "TerminateProcess"}
    for page in ("ARCHITECTURE.md", "docs/developing.md", "docs/own-strategy.md"):
        for name in re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)[.`(]", text_of(page)):
            assert name in known, f"{page}: {name}"


def test_every_benchmark_that_there_is_can_be_run_by_the_name_in_its_table() -> None:
    text = text_of("docs/benchmarks.md")
    table = text.partition("| name | what it measures |")[2].partition("\n\n")[0]
    first_cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ")]
    named = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == benchmarks()


def test_a_service_goes_on_with_the_accounts_last_session() -> None:
    """Each recipe's line: one that only begins would take its own position for an external one."""
    recipes = text_of("docs/running-for-weeks.md").partition("## Started by the system")[2]
    lines = re.findall(r"shadow --account-profile NAME.*", recipes.partition("\n## ")[0])
    assert len(lines) == 2
    assert not any("--resume" in line for line in lines), "auto is the default"


def reactions() -> list[list[str]]:
    """The rows of the table of events and reactions, cell by cell."""
    section = text_of("docs/running-for-weeks.md").partition("## Events and reactions")[2]
    rows = re.findall(r"^\| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE)
    return [row.split(" | ") for row in rows[1:]]


@pytest.mark.parametrize("row", reactions(), ids=lambda row: row[0])
def test_each_reaction_names_the_tests_that_hold_it(row: list[str]) -> None:
    """They are there, each once, or nobody could tell which is meant."""
    _, _, cell = row
    names = re.findall(r"`(test_\w+)`", cell)
    assert names
    for name in names:
        assert all_tests().count(name) == 1, name


@functools.cache
def all_tests() -> list[str]:
    """The names of all tests of the project."""
    files = [*(ROOT / "tests").rglob("test_*.py")]
    found = (re.findall(r"^ *(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.M)
             for file in files)  # fmt: skip
    return [name for names in found for name in names]


AGAIN = frozenset({ExitCode.INTERNAL, ExitCode.TERMINAL, ExitCode.HUNG})
"""What may pass by itself: a service starts the session again."""

NEVER_OF_A_SESSION = frozenset({ExitCode.DIFFERENT})


def test_services_start_again_what_may_pass_by_itself_and_nothing_else() -> None:
    """By both recipes, for every exit code that a session may have."""
    recipes = text_of("docs/running-for-weeks.md").partition("## Started by the system")[2]
    ends = set(ExitCode) - AGAIN - NEVER_OF_A_SESSION
    (batch,) = fenced(recipes, "bat")
    assert {int(code) for code in re.findall(r"if %code%==(\d+) exit /b", batch)} == ends
    assert batch.rstrip().endswith("goto again")
    (unit,) = fenced(recipes, "ini")
    prevented = re.search(r"^RestartPreventExitStatus=(.+)$", unit, re.MULTILINE)
    succeeded = re.search(r"^SuccessExitStatus=(.+)$", unit, re.MULTILINE)
    assert prevented is not None
    assert succeeded is not None
    assert "Restart=on-failure" in unit.splitlines()
    told = {0, *map(int, prevented[1].split()), *map(int, succeeded[1].split())}
    assert told == ends
