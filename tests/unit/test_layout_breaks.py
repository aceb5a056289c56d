"""Each rule of layout and words is seen to fail: on a small tree that breaks just this one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit import test_layout as layout
from tests.unit import test_words as words

PACKAGE = '"""What it is for."""\n'
GOOD = {"engine/__init__.py": PACKAGE, "risk/__init__.py": PACKAGE}

Tree = Callable[[dict[str, str]], None]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Makes a product of some files, which the rules then look at."""

    def made(files: dict[str, str]) -> None:
        for name, source in {**GOOD, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        for module in (layout, words):
            monkeypatch.setattr(module, "ROOT", tmp_path)
        found = layout.files_of(*layout.TOP)
        packages = frozenset(layout.module_of(path) for path in found if path.stem == "__init__")
        monkeypatch.setattr(layout, "SOURCES", {layout.module_of(path): path for path in found})
        monkeypatch.setattr(layout, "PACKAGES", packages)
        monkeypatch.setattr(layout, "MODULES", frozenset(layout.SOURCES))
        allowed = {"engine": "", "risk": "engine"}
        monkeypatch.setattr(layout, "MAY_IMPORT", allowed)
        monkeypatch.setattr(layout, "OWN_PROGRAMS", {})

    return made


RULES: dict[str, tuple[Callable[[], None], dict[str, str]]] = {
    "an import the wrong way": (
        layout.test_imports_point_one_way, {"engine/a.py": "import risk\n"},
    ),
    "a late import the wrong way": (
        layout.test_imports_point_one_way,
        {"engine/a.py": "def late():\n    from risk import b\n", "risk/b.py": ""},
    ),
    "a package that no rule names": (
        layout.test_what_may_be_imported_names_every_package_and_has_no_circle,
        {"risk/odds/__init__.py": PACKAGE},
    ),
    "a permission that nobody uses": (layout.test_what_may_be_imported_is_imported, {}),
    "a circle of modules": (
        layout.test_no_module_needs_itself,
        {"engine/a.py": "import engine.b\n", "engine/b.py": "import engine.a\n"},
    ),
    "a folder of too many files": (
        layout.test_no_folder_holds_more_files_than_a_head_can,
        {f"engine/m{number}.py": "" for number in range(layout.MOST_FILES)},
    ),
    "a file that goes on for too long": (
        layout.test_no_file_and_no_function_goes_on_for_too_long,
        {"engine/a.py": "\n" * (layout.MOST_LINES + 1)},
    ),
    "an exit code outside the commands": (
        layout.test_exit_codes_are_known_to_commands_alone,
        {"engine/a.py": "raise SystemExit(2)\n"},
    ),
    "a package without a word about itself": (
        layout.test_every_package_says_what_it_is_for, {"risk/__init__.py": ""}),
    "a clock in what decides": (
        layout.test_what_decides_is_pure, {"risk/a.py": "import time"},
    ),
    "an old name of a class": (
        words.test_no_name_is_an_old_word, {"engine/a.py": "class OrderBook: ...\n"},
    ),
    "an old name of a module": (
        words.test_no_name_is_an_old_word,
        {f"engine/{next(e['word'] for e in words.WORDS['name'] if 'module' in e['where'])}.py": ""},
    ),
    "an old phrase in a message": (
        words.test_no_message_or_docstring_has_an_old_phrase,
        {"engine/a.py": f"x = '{words.WORDS['phrase'][0]['text']} so'\n"},
    ),
    "an old phrase in a document": (
        words.test_no_document_has_an_old_phrase,
        {"README.md": f"It {words.WORDS['phrase'][0]['text']}.\n"},
    ),
    "two classes of one name": (
        words.test_a_class_name_stands_once_in_the_product,
        {"engine/a.py": "class Fill: ...\n", "risk/b.py": "class Fill: ...\n"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_each_rule_fails_on_its_break(name: str, tree: Tree) -> None:
    """The rule itself, as it runs over the product, refuses a tree with this one fault."""
    rule, files = RULES[name]
    tree(files)
    with pytest.raises(AssertionError):
        rule()


@pytest.mark.parametrize("name", RULES)
def test_no_rule_fails_on_a_good_tree(name: str, tree: Tree) -> None:
    """What it refuses is the fault, and nothing else of such a tree."""
    rule, _ = RULES[name]
    tree({"risk/good.py": "import engine\n"})
    rule()
