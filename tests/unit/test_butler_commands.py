"""The list of commands, which is known before any of them is imported."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.core import TyperGroup

from scripts.cli.main import COMMANDS, SECTIONS
from scripts.cli.shared.exit_codes import ExitCode
from scripts.cli.shared.help_pages import EXAMPLES, in_groups
from tests.commands import butler


def every_command() -> Iterator[tuple[str, Any]]:
    """Each command with its words, `journal show` for one; not the groups themselves."""
    for name, lazy in COMMANDS.items():
        command = lazy.found(name)
        if not isinstance(command, TyperGroup):
            yield name, command
            continue
        for inner, found in command.commands.items():
            yield f"{name} {inner}", found


WORDS = [words for words, _ in every_command()]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_with_the_first_sentence_of_its_own_help(name: str) -> None:
    command = COMMANDS[name].found(name)
    first = " ".join(command.help.partition("\n\n")[0].split())
    assert COMMANDS[name].help == first
    assert command.name == name


def test_every_command_stands_in_one_section_of_the_help() -> None:
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(COMMANDS)


def test_the_help_shows_whole_sentences() -> None:
    """Nothing is cut: the terminal's width only breaks the lines."""
    shown = " ".join(" ".join(butler("--help").out).split())
    for name, command in COMMANDS.items():
        assert f"{name} {command.help}" in shown


def test_every_command_has_an_example_of_its_own() -> None:
    assert sorted(EXAMPLES) == sorted(WORDS)


@pytest.mark.parametrize("words", WORDS)
def test_an_example_is_shown_and_can_be_typed(words: str) -> None:
    """It is taken by the command's own parser, every value included."""
    command = dict(every_command())[words]
    example = EXAMPLES[words]
    given = shlex.split(example)
    assert given[: len(words.split()) + 1] == ["butler", *words.split()]
    context = command.make_context("butler", given[len(words.split()) + 1 :])
    assert f"Example: {example}" in " ".join(command.get_help(context).split())


@pytest.mark.parametrize("words", WORDS)
def test_no_option_is_missing_in_the_groups_of_the_help(words: str) -> None:
    command = dict(every_command())[words]
    options = [param for param in command.params if param.param_type_name == "option"]
    grouped = in_groups(options)
    assert sorted(param.name for _, found in grouped for param in found) == sorted(
        param.name for param in options
    )


def test_the_version_is_shown() -> None:
    from scripts.app.version import version

    said = butler("--version")
    assert (said.code, said.out, said.err) == (ExitCode.DONE, [f"butler {version()}"], [])
