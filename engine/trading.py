"""Whether new orders may leave: one small state machine over the causes that forbid them.

=============  ==========================================  ==================================
state          causes                                      cleared by
=============  ==========================================  ==================================
active         none
suspended      link, feed, clock, ledger, terminal,        the same check passing again
               transient_rejection, strategy
until_reset    daily_loss, day_limit                       the next reset of the trading day
latched        rejection, unknown_outcome,                 the user alone (a change of levels of
               reconciliation_mismatch, max_loss,          unknown outcome: its being found, too)
               limit, user, paused, target_reached
latched        firm_breach                                 nobody: only a new attempt
=============  ==========================================  ==================================

Several causes may hold at once; the state is that of the gravest. Open positions are managed in
every state: only new exposure is refused.
"""

from __future__ import annotations

import enum

import msgspec


class TradingState(enum.StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    UNTIL_RESET = "until_reset"
    LATCHED = "latched"


class HaltCause(enum.StrEnum):
    LINK = "link"
    FEED = "feed"
    CLOCK = "clock"
    TERMINAL = "terminal"
    TRANSIENT_REJECTION = "transient_rejection"
    STRATEGY = "strategy"
    DAILY_LOSS = "daily_loss"
    MAX_LOSS = "max_loss"
    REJECTION = "rejection"
    UNKNOWN_OUTCOME = "unknown_outcome"
    RECONCILIATION_MISMATCH = "reconciliation_mismatch"
    PAUSED = "paused"
    DAY_LIMIT = "day_limit"
    LIMIT = "limit"
    FIRM_BREACH = "firm_breach"
    TARGET_REACHED = "target_reached"
    LEDGER = "ledger"


_STATE_OF: dict[HaltCause, TradingState] = {
    HaltCause.LINK: TradingState.SUSPENDED,
    HaltCause.FEED: TradingState.SUSPENDED,
    HaltCause.CLOCK: TradingState.SUSPENDED,
    HaltCause.TERMINAL: TradingState.SUSPENDED,
    HaltCause.TRANSIENT_REJECTION: TradingState.SUSPENDED,
    HaltCause.STRATEGY: TradingState.SUSPENDED,
    HaltCause.DAILY_LOSS: TradingState.UNTIL_RESET,
    HaltCause.MAX_LOSS: TradingState.LATCHED,
    HaltCause.REJECTION: TradingState.LATCHED,
    HaltCause.UNKNOWN_OUTCOME: TradingState.LATCHED,
    HaltCause.RECONCILIATION_MISMATCH: TradingState.LATCHED,
    HaltCause.PAUSED: TradingState.LATCHED,
    HaltCause.DAY_LIMIT: TradingState.UNTIL_RESET,
    HaltCause.LIMIT: TradingState.LATCHED,
    HaltCause.FIRM_BREACH: TradingState.LATCHED,
    HaltCause.TARGET_REACHED: TradingState.LATCHED,
    HaltCause.LEDGER: TradingState.SUSPENDED,
}

_GRAVITY = list(TradingState)


class IllegalClear(Exception):
    """Raised when a cause is cleared by something that has no right to clear it."""


class Trading(msgspec.Struct, frozen=True):
    """The causes in force, oldest first. Every change returns a new value."""

    causes: tuple[HaltCause, ...] = ()

    @property
    def active(self) -> bool:
        return not self.causes

    @property
    def state(self) -> TradingState:
        return max(
            (_STATE_OF[cause] for cause in self.causes),
            key=_GRAVITY.index,
            default=TradingState.ACTIVE,
        )

    @property
    def reason(self) -> HaltCause | None:
        """The oldest of the gravest causes, or None while active."""
        state = self.state
        return next((cause for cause in self.causes if _STATE_OF[cause] is state), None)

    def halt(self, cause: HaltCause) -> Trading:
        """Add `cause`; the same value when it already holds."""
        return self if cause in self.causes else Trading((*self.causes, cause))

    def checked_again(self, cause: HaltCause) -> Trading:
        """Clear a suspension whose check passed.

        Raises IllegalClear for a cause that no check may clear.
        """
        if _STATE_OF[cause] is not TradingState.SUSPENDED:
            raise IllegalClear(f"{cause} is not cleared by a check")
        return self._without({cause})

    def found_again(self) -> Trading:
        """Clear an unknown outcome of which the venue's own records have shown everything."""
        return self._without({HaltCause.UNKNOWN_OUTCOME})

    def reset(self) -> Trading:
        """Clear what holds only until the trading day's reset; the same value if nothing does."""
        if not self.causes:
            return self
        return self._without(
            {cause for cause in self.causes if _STATE_OF[cause] is TradingState.UNTIL_RESET}
        )

    def resume(self, firm_breach: bool = False) -> Trading:
        """Clear every latch, as the user ordered; raises IllegalClear after a firm's breach."""
        if firm_breach or HaltCause.FIRM_BREACH in self.causes:
            raise IllegalClear("a breach of the firm's rules is final")
        return self._without(
            {cause for cause in self.causes if _STATE_OF[cause] is TradingState.LATCHED}
        )

    def _without(self, gone: set[HaltCause]) -> Trading:
        return Trading(tuple(cause for cause in self.causes if cause not in gone))
