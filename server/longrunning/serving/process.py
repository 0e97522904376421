"""A process of ours: the event loop that it runs on, and the signals that end it."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from longrunning import event_loop

try:
    import uvloop
except ImportError:  # it is not made for every platform
    _new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    _new_event_loop = uvloop.new_event_loop

_log = logging.getLogger(__name__)

_TOGETHER_SECONDS = 0.2
_TURNS = 4


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs what a process is there for, on uvloop where that is installed."""
    event_loop.run(work, loop_factory=_new_event_loop)


def stop_signal(stop: asyncio.Event | None = None) -> asyncio.Event:
    """Returns an event that SIGTERM and SIGINT set; a second signal ends the process at once.

    Signals that come together count as one: `timeout` and terminals send them to a process and to
    its group besides.

    Args:
        stop: the event, if something else sets it too, which is no signal; None makes one.
    """
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    turns_left: int | None = None

    def heed(number: int) -> None:
        if turns_left == 0:
            _log.warning("stopping at once, at the second signal")
            os._exit(128 + number)
        if turns_left is None:
            turn(_TURNS)
        stop.set()

    def turn(left: int) -> None:
        # The time passes in several turns of the loop: one that stands still meanwhile sees late
        # what came at once, but before its next turn.
        nonlocal turns_left
        turns_left = left
        if left:
            loop.call_later(_TOGETHER_SECONDS / _TURNS, turn, left - 1)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heed, number)
    return stop
