"""Types are read by many threads at once, the first time too."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.decoding import from_json
from engine.events import Record, UserCommanded
from engine.fields import UserAction
from engine.journal import JournalDamaged, decode, encode
from tests.conftest import ROOT

COMMAND = UserCommanded(action=UserAction.PAUSE, reason="why")

PRODUCT = ("engine", "risk", "signals", "adapters", "config", "scripts")

# Threads take turns as often as they can, and each time read a type that nobody has read before.
READ_AT_ONCE = """
import sys, threading, typing
import msgspec
from engine.decoding import converted, from_json, msgpack_decoder

sys.setswitchinterval(1e-6)
LIMITED = [(f"f{n}", typing.Annotated[int, msgspec.Meta(ge=n)]) for n in range(20)]
VALUE = {name: 99 for name, _ in LIMITED}
HOW = {
    "from_json": lambda kind: from_json(msgspec.json.encode({"inner": VALUE}), kind),
    "converted": lambda kind: converted({"inner": VALUE}, kind),
    "msgpack_decoder": lambda kind: msgpack_decoder(kind).decode(
        msgspec.msgpack.encode({"inner": VALUE})
    ),
}
read = HOW[sys.argv[1]]
failures = []

def one(kind, barrier):
    barrier.wait()
    try:
        assert read(kind).inner.f3 == 99
    except BaseException as error:
        failures.append(error)

for number in range(150):
    inner = msgspec.defstruct(f"Inner{number}", LIMITED)
    outer = msgspec.defstruct(f"Outer{number}", [("inner", inner), ("more", list[inner], [])])
    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=one, args=(outer, barrier)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
sys.exit(f"{failures[0]!r}" if failures else 0)
"""


@pytest.mark.parametrize("how", ["from_json", "converted", "msgpack_decoder"])
def test_a_type_is_read_for_the_first_time_by_several_threads_at_once(how: str) -> None:
    """By msgspec alone it ends the process with a segmentation fault."""
    run = subprocess.run(
        [sys.executable, "-c", READ_AT_ONCE, how], cwd=ROOT, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "content",
    [b'{"a": "\xff"}', '{"a": "\udcff"}', b"[" * 500_000, b'{"a":' * 500_000, b"{", b"[]", b""],
    ids=["no UTF-8", "half a character", "lists", "objects", "cut short", "another type", "empty"],
)
def test_whatever_is_wrong_with_a_text_is_one_kind_of_error(content: bytes | str) -> None:
    """Which quotes nothing of it: it may be a secret."""
    with pytest.raises(msgspec.DecodeError) as found:
        from_json(content, dict[str, Any])
    assert "xff" not in str(found.value)


def test_a_record_that_is_nested_without_end_is_a_damaged_journal() -> None:
    payload, deep = encode(Record(1, 2, None, COMMAND)), b'{"a":' * 500_000
    for damaged in ((payload.removesuffix(b"}]") + b',"more":' + deep, None), (payload, deep)):
        with pytest.raises(JournalDamaged, match="nested too deeply"):
            decode(*damaged)


TYPED = re.compile(
    r"msgspec\.convert\(|msgspec\.\w+\.Decoder\(|msgspec\.\w+\.decode\(.*\btype="
    r"|from msgspec(\.\w+)? import .*\b(convert|decode|Decoder)\b"
)


def test_nothing_else_reads_types_of_ours() -> None:
    """What went by msgspec's own functions could be read while another thread makes it ready."""
    files = [file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py")]
    found = [
        str(file.relative_to(ROOT))
        for file in [*files, ROOT / "butler.py"]
        if TYPED.search(file.read_text(encoding="utf-8"))
    ]
    assert found == [str(Path("engine/decoding/__init__.py"))]
