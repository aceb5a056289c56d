"""`python -m tests.docs`: write every generated part of the documents anew."""

from __future__ import annotations

from tests.docs.blocks import ROOT, pages, renewed
from tests.docs.event_table import Unresolved
from tests.docs.reference import NotExplained


def main() -> None:
    try:
        renew()
    except (NotExplained, Unresolved) as error:
        raise SystemExit(f"tests.docs: {error}") from error


def renew() -> None:
    for page in pages():
        text = page.read_text(encoding="utf-8")
        new = renewed(text)
        if new != text:
            page.write_text(new, encoding="utf-8", newline="\n")
            print(f"{page.relative_to(ROOT)}: renewed")


if __name__ == "__main__":
    main()
