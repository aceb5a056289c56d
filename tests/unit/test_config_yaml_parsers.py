"""The fast parser of YAML and the one whose errors are shown read every text alike."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from config import yaml_nodes
from config.errors import BadYaml

CONFIG = Path(yaml_nodes.__file__).parent
SHIPPED = sorted(CONFIG.rglob("*.yaml"))
SIGNS = (*":-,[]{}'\"#&*!%@`. \n?~<>|0a\\\t\u00e9", "- ", "? ", ": ", "\n  ", "---", "<<: ", "*a")

needs_libyaml = pytest.mark.skipif(
    yaml_nodes._FAST is None, reason="PyYAML was installed without libyaml"
)


def read(text: str) -> object:
    """What the text comes to: its values with their lines, or its error."""
    try:
        return yaml_nodes.parse(text)
    except BadYaml as error:
        return error.message, error.line, error.path


def read_in_python(text: str, patch: pytest.MonkeyPatch) -> object:
    with patch.context() as patched:
        patched.setattr(yaml_nodes, "_FAST", None)
        return read(text)


@needs_libyaml
@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_file_is_read_alike(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = file.read_text("utf-8")
    assert read(text) == read_in_python(text, monkeypatch)


@needs_libyaml
@pytest.mark.parametrize("name", ["symbols", "presets/ftmo_m15", "presets/sma_cross"])
def test_what_a_replay_reads_first_is_read_fast(name: str) -> None:
    """Else the start of every replay would take longer, and nobody would see why."""
    text = (CONFIG / f"{name}.yaml").read_text("utf-8")
    assert yaml_nodes._PLAIN.fullmatch(text)


def damaged(rng: random.Random, texts: list[str]) -> str:
    """Some lines of a file, with signs put in, cut out and moved."""
    lines = rng.choice(texts).split("\n")
    first = rng.randrange(len(lines))
    text = "\n".join(lines[first : first + rng.randint(1, 9)])
    for _ in range(rng.randint(0, 4)):
        at, there = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        sign = rng.choice(SIGNS)
        text = rng.choice(
            (text[:at] + sign + text[at:], text[:at] + text[at + 2 :], text + text[at:there][:20])
        )
    return text


@needs_libyaml
@pytest.mark.parametrize(
    "count", [200, pytest.param(20_000, marks=pytest.mark.deep)], ids=["some", "many"]
)
def test_a_damaged_file_is_read_alike(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values, lines and errors: whatever the fast parser would read otherwise is kept from it."""
    texts = [file.read_text("utf-8") for file in SHIPPED]
    rng = random.Random(count)  # noqa: S311 - not for secrets
    for _ in range(count):
        text = damaged(rng, texts)
        assert repr(read(text)) == repr(read_in_python(text, monkeypatch)), text
