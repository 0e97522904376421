"""The signals that end a process."""

import asyncio
import logging
import os
import signal

_log = logging.getLogger(__name__)


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
