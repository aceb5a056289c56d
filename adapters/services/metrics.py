"""Figures of a running session for Prometheus, on this machine's loopback interface only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, get_args

import anyio

from adapters.reports.status import Status
from adapters.services.control_wire import LOOPBACK
from adapters.services.metrics_server import MetricsServer
from adapters.system.threads import in_daemon
from engine import events as ev
from engine.bus import Subscription
from engine.journal import kind_of
from engine.trading import TradingState

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SAMPLE_SECONDS: Final = 0.1
_STATUS_SECONDS: Final = 1.0
_STALLS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_CALLS: Final = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class MetricsUnavailable(Exception):
    """Raised when the library is missing or the port cannot be listened on."""


async def sample_stalls(
    observe: Callable[[float], None], *, every: float = _SAMPLE_SECONDS
) -> None:
    """Tell `observe` by how many seconds the loop woke too late, again and again; never returns."""
    while True:
        due = anyio.current_time() + every
        await anyio.sleep(every)
        observe(max(0.0, anyio.current_time() - due))


class Gauges:
    """The figures themselves, in a registry of their own; safe to use from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        def gauge(name: str, text: str, *labels: str) -> Any:
            return Gauge(f"butler_{name}", text, labels, registry=registry)

        self.events = Counter(
            "butler_events", "Records by kind of event", ["event"], registry=registry
        )
        self.stalls = Histogram(
            "butler_loop_stall_seconds", "How much too late the event loop woke",
            registry=registry, buckets=_STALLS,
        )  # fmt: skip
        self.calls = Histogram(
            "butler_call_seconds", "Round trip of a terminal call", ["function"],
            registry=registry, buckets=_CALLS,
        )  # fmt: skip
        self.account = gauge("account", "Account figures in its currency", "figure")
        self.state = gauge("trading_state", "1 for the state that holds", "state")
        self.positions = gauge("positions", "Open positions")
        self.orders = gauge("orders", "Orders at work at the venue")
        self.unresolved = gauge("unresolved_orders", "Orders of unknown outcome")
        self.link = gauge("link_up", "1 while the link to the terminal holds")
        self.reconnects = gauge("reconnects", "How often the link came back")
        self.queues = gauge("queue_batches", "Batches that an I/O actor has not taken", "actor")
        self.loss_buffer = gauge("loss_buffer", "What may still be lost, by limit", "limit")
        self.feed_age = gauge("feed_age_seconds", "Time since a symbol's last tick", "symbol")

    def call(self, function: str, seconds: float) -> None:
        """One call of the terminal took so long."""
        self.calls.labels(function).observe(seconds)

    def show(self, status: Status, now_seconds: float) -> None:
        """Set the gauges to how the session stands."""
        for name in ("balance", "equity", "margin"):
            self.account.labels(name).set(getattr(status.account, name))
        for state in TradingState:
            self.state.labels(str(state)).set(status.state == state)
        self.positions.set(len(status.positions))
        self.orders.set(len(status.orders))
        self.unresolved.set(len(status.unresolved))
        self.link.set(status.link == "up")
        self.reconnects.set(status.reconnects)
        for actor, waiting in status.queues.items():
            self.queues.labels(actor).set(waiting)
        for limit, amount in (status.loss_buffer or {}).items():
            self.loss_buffer.labels(limit).set(amount)
        for symbol, feed in status.feeds.items():
            if feed.last_tick:
                self.feed_age.labels(symbol).set(now_seconds - feed.last_tick / 1000)


class Metrics:
    """The I/O actor that counts events, samples the loop and serves both to a scraper."""

    name = "metrics"
    kinds: frozenset[type] = frozenset(get_args(ev.Event))

    def __init__(
        self, port: int, status: Callable[[], Status | None], now_seconds: Callable[[], float]
    ) -> None:
        """Listen on `port` (0: any free one).

        Raises MetricsUnavailable without the library or when the port is in use.
        """
        try:
            from prometheus_client import CollectorRegistry, make_wsgi_app
        except ModuleNotFoundError as error:
            raise MetricsUnavailable(
                "metrics need the prometheus-client package: install the extra "
                "(uv sync --extra metrics)"
            ) from error
        registry = CollectorRegistry()
        self.figures = Gauges(registry)
        self._status = status
        self._now_seconds = now_seconds
        try:
            self._server = MetricsServer((LOOPBACK, port), make_wsgi_app(registry))
        except OSError as error:
            raise MetricsUnavailable(
                f"port {port} cannot be listened on ({error.strerror}); choose another"
            ) from error
        self._server.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    async def run(self, subscription: Subscription) -> None:
        """May be run again after a failure; the server is closed with the session alone."""
        over = True
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(sample_stalls, self.figures.stalls.observe)
                tasks.start_soon(self._show_regularly)
                async for batch in subscription.stream:
                    for record in batch:
                        self._count(record.event)
                tasks.cancel_scope.cancel()
        except Exception:
            over = False
            raise
        finally:
            if over:
                with anyio.CancelScope(shield=True):
                    await in_daemon(self._server.end)

    def _count(self, event: ev.Event | ev.Input) -> None:
        self.figures.events.labels(kind_of(event)).inc()

    async def _show_regularly(self) -> None:
        while True:
            await anyio.sleep(_STATUS_SECONDS)
            if (status := self._status()) is not None:
                self.figures.show(status, self._now_seconds())
