"""The page of odds: a user's text stays text, and drawings can be read."""

from __future__ import annotations

import xml.etree.ElementTree as Xml

from adapters.reports.odds_page import OddsPage, Part, Range, odds_page


def test_a_users_text_stays_text_and_every_drawing_can_be_read() -> None:
    bad = "<script>alert(1)</script>"
    page = OddsPage(
        title=bad, figure=bad, told=(bad,), point=0.5, ranges=(Range(bad, 0.25, 0.75, bad),),
        parts=(Part(bad, 0.5, bad), Part("b", 0.0, "0 %")), outcome=((bad, bad),),
        days=((bad, "1", "2"),), cost=((bad, bad),), risks=((bad,),), risk_head=(bad,),
        risk_notes=(bad,), basis=((bad, bad),), warnings=(bad,), notes=(bad,),
    )  # fmt: skip
    text = odds_page(page)
    assert "<script" not in text
    assert "default-src 'none'" in text
    drawings = [part.split("</svg>")[0] for part in text.split("<svg")[1:]]
    assert len(drawings) == 2
    for drawing in drawings:
        Xml.fromstring(f"<svg{drawing}</svg>")  # noqa: S314 - our own text
