"""The signals that end a process."""

import asyncio
import logging
import os
import signal

_log = logging.getLogger(__name__)

_TOGETHER_SECONDS = 0.2


def stop_signal() -> asyncio.Event:
    """Returns an event that SIGTERM and SIGINT set; a second signal ends the process at once.

    Signals that come together count as one: `timeout` and terminals send them to a process and to
    its group besides.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    first = 0.0

    def heed(number: int) -> None:
        nonlocal first
        if not stop.is_set():
            first = loop.time()
        elif loop.time() - first > _TOGETHER_SECONDS:
            _log.warning("stopping at once, at the second signal")
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heed, number)
    return stop
