"""The list of commands, which is known before any of them is imported."""

from __future__ import annotations

import pytest

from scripts.cli.main import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_with_the_first_sentence_of_its_own_help(name: str) -> None:
    command = COMMANDS[name].found(name)
    first = " ".join(command.help.partition("\n\n")[0].split())
    assert COMMANDS[name].help == first
    assert command.name == name
