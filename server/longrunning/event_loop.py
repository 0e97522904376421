"""Running work on an event loop of its own, in whichever thread that is."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

_log = logging.getLogger(__name__)

_LEAVING_SECONDS = 1.0


def run(
    work: Coroutine[Any, Any, None],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    """Runs work on an event loop of its own, which ends with it.

    `asyncio.run` would wait for ever for a handler that swallows its cancellation.

    Args:
        work: what is run.
        loop_factory: makes the loop.
    """
    loop = loop_factory()
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
