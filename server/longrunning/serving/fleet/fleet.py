"""The parent of serving processes: it starts them, replaces those that die, and ends with them."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from longrunning.serving import process
from longrunning.serving.addresses import StartupError
from longrunning.serving.fleet.member import Member
from longrunning.serving.server import Addresses

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0


class Fleet:
    """Keeps a number of processes serving until SIGTERM or SIGINT.

    One that dies is replaced, after a pause that doubles as long as its successors die young. One
    that cannot start ends them all, unless others serve that once started well.

    Args:
        size: how many.
        target: what each of them does: a function of a module, called with its connection to the
            parent, from which it makes its `Membership`, and its arguments.
        arguments: of a process, by its number from 0; they are pickled.
    """

    def __init__(
        self,
        size: int,
        target: Callable[..., None],
        arguments: Callable[[int], tuple[Any, ...]],
    ) -> None:
        self._size = size
        self._target = target
        self._arguments = arguments
        self._members: dict[int, Member] = {}
        self._all_have_served = False

    async def serve(self, ready: Callable[[Addresses], None]) -> None:
        """Serves until a signal, and returns when all processes have ended.

        The first signal lets each of them stop cleanly; a second one ends this process, and with it
        all others, at once.

        Args:
            ready: called once, when all of them serve.

        Raises:
            StartupError: a process could not start, and said why, or died before it served, or did
                not stop cleanly.
        """
        self._stop = process.stop_signal()
        self._tell_ready = ready
        places = [asyncio.create_task(self._fill(number)) for number in range(self._size)]
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([*places, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stop.set()
            for member in self._members.values():
                member.stop()
            await asyncio.wait([*places, stopped])
        # All are asked for: asyncio would tell of the others in its own words.
        failures = [failure for place in places if (failure := place.exception())]
        for failure in failures[1:]:
            if str(failure) != str(failures[0]):
                _log.error("%s", failure)
        if failures:
            raise failures[0]

    async def _fill(self, number: int) -> None:
        """Has a process in one place of the fleet, again and again."""
        clock = asyncio.get_running_loop().time
        pause = _FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            begun = clock()
            what = await self._run_one(number)
            if self._stop.is_set():
                return
            if clock() - begun > _LONGEST_PAUSE_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            _log.warning("%s; another one starts in %g s", what, pause)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stop.wait()
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _run_one(self, number: int) -> str:
        """Has one process, and returns what became of it.

        Raises:
            StartupError: that is the end of all.
        """
        try:
            member = Member(self._target, self._arguments(number), ready=self._note)
        except OSError as error:
            what = f"no serving process can be started: {error.strerror}"
            if not self._serve_others():
                raise StartupError(what) from None
            return what
        self._members[number] = member
        await member.wait()
        if self._stop.is_set():
            if member.has_served and not member.ended_well:
                raise StartupError(
                    member.failure or f"a serving process {member.ending} while it stopped"
                )
        elif not member.has_served and not self._serve_others():
            raise StartupError(
                member.failure or f"a serving process {member.ending} before it served"
            )
        return f"serving process {member.pid}: {member.failure or member.ending}"

    def _serve_others(self) -> bool:
        return self._all_have_served and any(member.serves for member in self._members.values())

    def _note(self, addresses: Addresses) -> None:
        """Notes that one more of them serves."""
        serving = [member.pid for member in self._members.values() if member.serves]
        if not self._all_have_served and len(serving) == self._size:
            self._all_have_served = True
            _log.info("serving in the processes %s", ", ".join(map(str, serving)))
            self._tell_ready(addresses)
