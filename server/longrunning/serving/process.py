"""A process from its start to a clean stop: its event loop, and the signals that end it."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger(__name__)

_LEAVING_SECONDS = 1.0


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs work on an event loop of its own, which ends with it.

    `asyncio.run` would wait for ever for a handler that swallows its cancellation.
    """
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(work)
    finally:
        if left := asyncio.all_tasks(loop):
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.wait(left, timeout=_LEAVING_SECONDS))
        if deaf := asyncio.all_tasks(loop):
            _log.warning("left %d tasks behind that do not heed their cancellation", len(deaf))
            for task in deaf:
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - said above
        loop.close()


def stop_signal() -> asyncio.Event:
    """Returns an event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heed(number: int) -> None:
        if stop.is_set():
            _log.warning("stopping at once, at the second signal")
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heed, number)
    return stop
