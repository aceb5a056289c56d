"""The strict reader of YAML: plain values with their lines, or one error that locates itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.yaml_strict import dotted, load_yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def complaint(file: Path, content: str | bytes) -> str:
    """The one line that loading `content` gives."""
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as caught:
        load_yaml(file)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(file))
    assert caught.value.__context__ is None, "the parser's own error quotes the file"
    return text.removeprefix(str(file))


def test_plain_values_come_out_as_written(file: Path) -> None:
    file.write_text(
        "text: my text\nquoted: '012'\nwhole: -7\ndecimal: 2.50\nsmall: .5\nwide: 1.5e+3\n"
        "yes_no: True\nnothing: null\nempty:\nlist: [1, two]\nversion: 1.5.2\nzero: 0\n"
    )
    assert load_yaml(file).root == {
        "text": "my text",
        "quoted": "012",
        "whole": -7,
        "decimal": 2.5,
        "small": 0.5,
        "wide": 1500.0,
        "yes_no": True,
        "nothing": None,
        "empty": None,
        "list": [1, "two"],
        "version": "1.5.2",
        "zero": 0,
    }


def test_a_byte_order_mark_and_windows_line_ends_are_fine(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: two\r\n")
    assert load_yaml(file).root == {"a": 1, "b": "two"}


def test_anchors_and_merge_keys_work(file: Path) -> None:
    file.write_text(
        "base: &base {x: 1, y: 2}\nmore: &more {y: 3, z: 4}\nsame: *base\n"
        "one: {<<: *base, y: 9}\nboth:\n  y: 8\n  <<: [*base, *more]\n"
    )
    root = load_yaml(file).root
    assert root["same"] == {"x": 1, "y": 2}
    assert root["one"] == {"x": 1, "y": 9}
    assert root["both"] == {"x": 1, "y": 8, "z": 4}


def test_the_first_of_two_merged_mappings_wins(file: Path) -> None:
    file.write_text("a: &a {k: 1}\nb: &b {k: 2}\nc: {<<: [*a, *b]}\n")
    assert load_yaml(file).root["c"] == {"k": 1}


def test_aliases_of_aliases_do_not_multiply_the_work(file: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    file.write_text("\n".join(rows))
    assert len(load_yaml(file).root) == 30


def test_errors_name_the_line_of_the_key(file: Path) -> None:
    file.write_text("a: 1\nb:\n  c:\n    - x\n    - y\n")
    document = load_yaml(file)
    assert str(document.error(("b", "c", 1), "is wrong")) == f"{file}, line 5, b.c[1]: is wrong"


def test_a_missing_key_is_placed_at_its_mapping(file: Path) -> None:
    file.write_text("a: 1\nb:\n  c: 2\n")
    assert load_yaml(file).error(("b", "d"), "is missing").line == 2


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", ", line 3, a: ", "given twice, on lines 1 and 3"),
        ("a:\n  b: 1\n  b: 2\n", ", line 3, a.b: ", "given twice"),
        ("a: {b: 1, b: 2}\n", ", line 1, a.b: ", "given twice"),
        ("a:\n\tb: 1\n", ", line 2: ", "a tab here; indent with spaces"),
        ("a: 1\n b: 2\n", ", line 2: ", "indentation"),
        ("a:\n  b: 1\n c: 2\n", ", line 3: ", "indentation"),
        ("a: 'never closed\n", ", line 2: ", "never closed"),
        ("a: [1, 2\n", ", line 2: ", "bracket is not closed"),
        ("a: {b: 1\n", ", line 2: ", "bracket is not closed"),
        ('a: "C:\\Terminal"\n', ", line 1: ", "use single quotes"),
        ("a: @home\n", ", line 1: ", "put it in quotes"),
        ("a: %home\n", ", line 1: ", "put it in quotes"),
        ("a: *home\n", ", line 1: ", "alias without anchor"),
        ("a: !home x\n", ", line 1: ", "begins with '!'"),
        ("a: ! x\n", ", line 1: ", "begins with '!'"),
        ("a: !!python/object:os.system x\n", ", line 1: ", "begins with '!'"),
        ("a: !!int x\n", ", line 1: ", "begins with '!'"),
        ("a: x!y: z\n", ", line 1: ", "put text with ': ' in quotes"),
        ("a: 1\nb\n", ", line 3: ", "needs a colon"),
        ("a: - b\n", ", line 1: ", "begins with '- '"),
        ("a: &x 1\nb: &x 2\n", ", line 2: ", "the same anchor"),
        ("a: &x [*x]\n", ", line 1, a[0]: ", "contains itself"),
        ("a: 1\nb: {<<: 5}\n", ", line 2, b: ", "'<<' merges mappings only"),
        ("a: &a {}\nb:\n  <<: *a\n  <<: *a\n", ", line 4, b: ", "'<<' is given twice"),
        ("a: 1\n---\nb: 2\n", ", line 2: ", "more than one document"),
        ("a: \x07bell\n", ", line 1: ", "control character"),
        ("1: x\n", ", line 1: ", "a key must be text"),
        ("a:\n  true: x\n", ", line 2, a: ", "a key must be text"),
        ("'': x\n", ", line 1: ", "a key must be text"),
        ("[a, b]: x\n", ", line 1: ", "a key must be text"),
        ("", ": ", "is empty"),
        ("# only a comment\n", ": ", "is empty"),
        ("- a\n- b\n", ": ", "must hold keys with values"),
        ("just text\n", ": ", "must hold keys with values"),
        (b"a: 1\nb: \xff\n", ", line 2: ", "not UTF-8"),
        ("a: 1\n".encode("utf-16"), ", line 1: ", "UTF-16; save it as UTF-8"),
        ("a: " + "x" * 300_000, ": ", "larger than 256 KiB"),
        ("a: " + "[" * 50_000, ": ", "nested too deeply"),
    ],
)
def test_what_is_not_strict_yaml_gives_one_line_with_its_place(
    file: Path, content: str | bytes, place: str, said: str
) -> None:
    text = complaint(file, content)
    assert text.startswith(place)
    assert said in text


@pytest.mark.parametrize(
    "value",
    [
        "012345",
        "0x1F",
        "0b11",
        "1_000",
        "12:30",
        "12:30:45",
        "1_0.5",
        ".inf",
        "-.INF",
        ".nan",
        "1.0e+999",
        "yes",
        "No",
        "on",
        "OFF",
        "2024-01-31",
        "2024-99-99",
        "2024-01-31T10:00:00Z",
        "=",
        "<<",
        "999999999999999999999999999999",
    ],
)
def test_values_that_yaml_1_1_reads_in_its_own_way_are_refused(file: Path, value: str) -> None:
    text = complaint(file, f"first: 1\nsecond:\n  key: {value}\n")
    assert text.startswith(", line 3, second.key: YAML reads this as ")
    assert "quotes" in text
    assert complaint(file, f"key: ['{value}', {value}]\n").startswith(", line 1, key[1]: ")


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; copy the example"):
        load_yaml(tmp_path / "none.yaml", missing="copy the example")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"folder|cannot be read"):
        load_yaml(tmp_path)


def test_an_impossible_file_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="the name is not valid"):
        load_yaml(Path("a\0b.yaml"))


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    try:
        loop.symlink_to(loop)
    except OSError as error:
        pytest.skip(f"this system makes no symbolic links here: {error.strerror}")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_yaml(loop)


def test_a_private_document_hides_keys_and_values(file: Path) -> None:
    """In a file with passwords an error's path ends before the first key that is not public."""
    file.write_text("open:\n  hidden: yes\n")
    with pytest.raises(ConfigError) as caught:
        load_yaml(file, is_public_key=lambda path: path[-1] == "open")
    assert caught.value.path == "open"
    assert caught.value.line == 2
    assert "hidden" not in str(caught.value)


def test_the_repr_of_a_document_holds_no_content(file: Path) -> None:
    file.write_text("password: hunter22\n")
    assert "hunter22" not in repr(load_yaml(file))


def test_dotted_paths_read_like_the_file() -> None:
    assert dotted(("a", "b", 2, "c")) == "a.b[2].c"
    assert dotted(()) == ""


def test_yaml_is_imported_only_when_a_file_is_read() -> None:
    """Commands that read no file start without PyYAML."""
    code = "import sys, config.loader; sys.exit('yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0
