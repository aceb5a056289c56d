"""What became of the orders of a scripted session."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine import events as ev
from engine.types import SymbolSpec, lots


@dataclass
class OrderOutcomes:
    """What happened to the orders of a scripted session, for whoever started it."""

    submitted: int = 0
    filled: int = 0
    closed: int = 0
    problem: str = ""
    rejected: bool = False
    approved: ev.OrderApproved | None = None
    opened: ev.PositionOpened | None = None
    last_closed: ev.PositionClosed | None = None
    lines: list[str] = field(default_factory=list)

    def routes(self) -> ev.Routes:
        return {
            ev.OrderApproved: self.on_approved,
            ev.PositionOpened: self.on_opened,
            ev.PositionClosed: self.on_closed,
            ev.OrderDenied: lambda e: self._bad(f"denied by risk ({e.reason}): {e.detail}"),
            ev.OrderSubmitted: self.on_submitted,
            ev.OrderRejected: lambda e: self._refused(f"rejected: {e.retcode} {e.message}"),
            ev.OrderUnknown: lambda e: self._refused(f"outcome unknown: {e.message}"),
            ev.OrderCancelled: lambda e: self.lines.append(e.reason),
        }

    def on_submitted(self, _submitted: ev.OrderSubmitted) -> None:
        self.submitted += 1

    def on_approved(self, approved: ev.OrderApproved) -> None:
        if approved.order.terms.action is ev.OPEN:
            self.approved = approved

    def figures(self, spec: SymbolSpec) -> dict[str, float | None]:
        """The last entry in decimals: lots, money at its stop, both prices, profit with costs."""
        approved, opened, closed = self.approved, self.opened, self.last_closed
        return {
            "volume": None if approved is None else lots(approved.volume),
            "risk": None if approved is None else approved.risk / 100,
            "open_price": None if opened is None else spec.price(opened.price),
            "close_price": None if closed is None else spec.price(closed.price),
            "profit": None if closed is None else closed.net / 100,
        }

    def on_opened(self, opened: ev.PositionOpened) -> None:
        self.opened = opened
        self.filled += 1
        self.lines.append(f"position {opened.position} opened")

    def on_closed(self, closed: ev.PositionClosed) -> None:
        self.closed += 1
        self.last_closed = closed
        self.lines.append(f"position {closed.position} closed ({closed.reason})")

    def _refused(self, line: str) -> None:
        self.rejected = True
        self._bad(line)

    def _bad(self, line: str) -> None:
        self.problem = self.problem or line
        self.lines.append(line)
