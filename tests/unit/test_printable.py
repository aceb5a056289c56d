"""Whatever a command prints is text: a terminal shows it and never obeys it."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from scripts.view.printable import print_lines, printable, printable_json

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NASTY = "f\u00fcr [/b] \x1b[31m \x9b2J \u202e \x07 \ud800"


def test_a_line_is_shown_with_what_a_terminal_could_obey_escaped() -> None:
    shown = printable(f"{NASTY}\n")
    assert shown == "f\u00fcr [/b] \\x1b[31m \\x9b2J \\u202e \\x07 \\ud800\\n"


def test_json_says_the_same_with_all_of_that_escaped() -> None:
    """What JSON itself lets stand: 0x9b begins a command where 0x1b and a bracket do."""
    written = json.dumps({"why": NASTY, "n": [1, 2]}, ensure_ascii=False, indent=2)
    shown = printable_json(written)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert json.loads(shown) == {"why": NASTY, "n": [1, 2]}


def test_lines_are_printed_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines(["[/nope]", "two\nlines", "=1+1"])
    assert capsys.readouterr().out == "[/nope]\ntwo\\nlines\n=1+1\n"


SAFE = {"printable", "printable_json", "dumps"}
"""`json.dumps` escapes all that is not ASCII."""


def prints(file: Path) -> list[ast.Call]:
    calls = (node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    return [
        node
        for node in calls
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]


def is_safe(content: ast.expr) -> bool:
    if isinstance(content, ast.IfExp):
        return is_safe(content.body) and is_safe(content.orelse)
    if not isinstance(content, ast.Call):
        return False
    return getattr(content.func, "attr", getattr(content.func, "id", "")) in SAFE


def test_commands_print_nothing_else() -> None:
    files = [file for file in SCRIPTS.rglob("*.py") if file.name != "build_sample.py"]
    found = [
        f"{file.relative_to(SCRIPTS)}:{call.lineno}"
        for file in files
        for call in prints(file)
        if not call.args or not is_safe(call.args[0])
    ]
    assert not found
    assert sum(len(prints(file)) for file in files) > 20, "there is something to look at"
