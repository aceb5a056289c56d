"""Statements as files: an account's history as MT5 prints it, in several forms."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

Row = Sequence[str]

POSITIONS = (
    "Time", "Position", "Symbol", "Type", "Volume", "Price", "S / L", "T / P", "Time", "Price",
    "Commission", "Swap", "Profit",
)  # fmt: skip
DEALS = (
    "Time", "Deal", "Symbol", "Type", "Direction", "Volume", "Price", "Order", "Commission", "Fee",
    "Swap", "Profit", "Balance", "Comment",
)  # fmt: skip
WITH_COST = (*DEALS[:8], "Cost", *DEALS[8:])
WITHOUT_FEE = (*DEALS[:9], *DEALS[10:])

TRADED: tuple[Row, ...] = (
    ("2026.06.15 01:00:00", "1", "", "balance", "", "", "", "", "0.00", "0.00", "0.00",
     "100 000.00", "100 000.00", "Deposit"),
    ("2026.06.15 10:00:00", "2", "EURUSD", "buy", "in", "1", "1.10000", "5001", "-3.50", "0.00",
     "0.00", "0.00", "99 996.50", ""),
    ("2026.06.15 12:00:00", "3", "EURUSD", "sell", "out", "1", "1.10100", "5002", "-3.50", "0.00",
     "-1.25", "100.00", "100 091.75", "[tp 1.10100]"),
)  # fmt: skip
CLOSED: tuple[Row, ...] = (
    ("2026.06.15 10:00:00", "5001", "EURUSD", "buy", "1", "1.10000", "", "1.10100",
     "2026.06.15 12:00:00", "1.10100", "-7.00", "-1.25", "100.00"),
)  # fmt: skip
TOTALS: Row = ("", "", "", "", "", "", "", "", "-7.00", "0.00", "-1.25", "100 100.00", "")


def html_history(
    deals: Sequence[Row] = TRADED,
    header: Row = DEALS,
    positions: Sequence[Row] = CLOSED,
    positions_header: Row = POSITIONS,
) -> str:
    """A ReportHistory page: a hidden cell in each position, totals below the deals."""

    def line(cells: Row, hidden: int | None = None) -> str:
        shown = [f"<td>{escape(cell) or '&nbsp;'}</td>" for cell in cells]
        if hidden is not None:
            shown.insert(hidden, '<td class="hidden" colspan="8">x</td>')
        return f"<tr bgcolor='#FFFFFF' align=right>{''.join(shown)}</tr>"

    return "\n".join([
        "<html><head><title>10000001: A. Trader - Trade History Report</title>"
        '<meta name="generator" content="client terminal"></head><body><table>',
        "<tr><th colspan=4>Account:</th><th colspan=10><b>10000001 (USD, Demo-Server, demo, "
        "Hedge)</b></th></tr>",
        "<tr><th colspan=4>Date:</th><th colspan=10><b>2026.06.16 18:14</b></th></tr>",
        "<tr><th colspan=14><div><b>Positions</b></div></th></tr>",
        line(positions_header),
        *(line(row, hidden=4) for row in positions),
        "<tr><th colspan=14><div><b>Deals</b></div></th></tr>",
        line(header),
        *(line(row) for row in deals),
        line(TOTALS),
        "<tr><td colspan=3>Balance:</td><td colspan=2><b>100 091.75</b></td></tr>",
        "</table></body></html>",
    ])  # fmt: skip


def write_html(path: Path, text: str, encoding: str = "utf-16") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def write_xlsx(path: Path, rows: Sequence[Row], *, encoding: str = "utf-8") -> Path:
    """A workbook of one sheet; texts as shared strings, empty cells left out."""
    strings: list[str] = []
    lines = []
    for number, row in enumerate(rows, 1):
        cells = []
        for place, text in enumerate(row):
            if text:
                strings.append(text)
                reference = f"{chr(ord('A') + place)}{number}"
                cells.append(f'<c r="{reference}" t="s"><v>{len(strings) - 1}</v></c>')
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    link = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{link}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="x"><Relationship Id="rId1" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">'
        + "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
        + "</sst>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>'
        + "".join(lines)
        + "</sheetData></worksheet>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text.encode(encoding))
    return path


def xlsx_history(path: Path, *, encoding: str = "utf-8") -> Path:
    return write_xlsx(
        path,
        [
            ("Trade History Report",),
            ("Account:", "", "", "10000001 (USD, Demo-Server, demo, Hedge)"),
            ("Date:", "", "", "2026.06.16 18:14"),
            ("Positions",),
            POSITIONS,
            *CLOSED,
            ("Deals",),
            DEALS,
            *TRADED,
            ("", *TOTALS),
            ("Balance Drawdown:",),
        ],
        encoding=encoding,
    )


METRIX = (
    "Ticket;Open;Type;Volume;Symbol;Price;SL;TP;Close;Price;Swap;Commissions;Profit;Pips;"
    '"Trade duration in seconds"\n'
    '5001;"2026-06-15 10:00:00";buy;1.00;EURUSD;1.1;0;1.101;"2026-06-15 12:00:00";1.101;-1.25;-7;'
    "100;10;7200\n"
)
