"""Types are read by many threads at once, the first time too."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

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
