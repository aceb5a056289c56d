"""Python's garbage collector during a replay."""

from __future__ import annotations

import gc

import pytest

from adapters.system.garbage import rare_collections


def test_collections_are_rare_while_a_replay_lasts_and_as_before_after_it() -> None:
    """Whoever embeds a replay gets its own thresholds back, after a failure too."""
    before = gc.get_threshold()
    with pytest.raises(KeyError), rare_collections():  # noqa: PT012 the thresholds inside matter
        assert gc.get_threshold()[0] > before[0]
        raise KeyError
    assert gc.get_threshold() == before
