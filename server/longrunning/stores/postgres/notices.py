"""Changes that cross processes: NOTIFY after a commit, LISTEN, and a poll behind both.

A notification is a hint. It is sent after the commit and not with it, since PostgreSQL commits
transactions that notify one at a time, and it is lost with the connection or the process; whoever
watches looks again when the connection is back, and every few seconds besides.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator

import psycopg

from longrunning.errors import OperationsError
from longrunning.stores.postgres.database import Database
from longrunning.stores.postgres.queries import NOTIFY

_log = logging.getLogger(__name__)

_PAYLOAD_BYTES = 7900  # PostgreSQL allows fewer than 8000
_PAYLOADS_AT_ONCE = 16
_FIRST_DELAY, _LAST_DELAY = 0.02, 1.0
_PING_SECONDS = 30.0
_WORK = " work"


class Announcer:
    """Tells the other processes what this one changed, together while a message is under way.

    Args:
        database: carries the messages.
        channel: their name.
    """

    def __init__(self, database: Database, channel: str) -> None:
        self.sender = uuid.uuid4().hex
        self._database = database
        self._channel = channel
        self._names: set[str] = set()
        self._gives_work = False
        self._sending: asyncio.Task[None] | None = None

    def announce(self, name: str, *, gives_work: bool) -> None:
        """Sends a name soon, and whether there may be work for a claim."""
        self._names.add(name)
        self._gives_work |= gives_work
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def close(self) -> None:
        """Sends what is left."""
        if self._sending:
            await asyncio.wait([self._sending])

    async def _send(self) -> None:
        try:
            while self._names:
                names, self._names = self._names, set()
                gives_work, self._gives_work = self._gives_work, False
                for payload in payloads(self.sender, names, gives_work=gives_work):
                    await self._database.read(NOTIFY, [self._channel, payload])
        except OperationsError:
            self._names.clear()  # the others' poll finds what changed
            self._gives_work = False
        finally:
            self._sending = None


def payloads(sender: str, names: Iterable[str], *, gives_work: bool = False) -> Iterator[str]:
    """Yields the messages that carry names: the sender and the names, each a line.

    A message without names says that anything may have changed. The first message has ` work`
    behind the sender if there may be work for a claim.
    """
    first = sender + _WORK if gives_work else sender
    messages, lines, size = [], [first], len(first)
    for name in names:
        length = len(name.encode()) + 1
        if size + length > _PAYLOAD_BYTES:
            messages.append("\n".join(lines))
            lines, size = [sender], len(sender)
        lines.append(name)
        size += length
    messages.append("\n".join(lines))
    yield from messages if len(messages) <= _PAYLOADS_AT_ONCE else [sender]


class Listener:
    """Hears what other processes announce, on a connection of its own.

    Args:
        database: where to listen; its pool is checked after each reconnection.
        channel: the name of the messages.
        sender: whose messages to leave out.
        heard: told the names, or None when any may have changed.
        wake: called when there may be work for a claim.
    """

    def __init__(
        self,
        database: Database,
        channel: str,
        sender: str,
        heard: Callable[[Collection[str] | None], None],
        wake: Callable[[], None],
    ) -> None:
        self.connected = False
        self._database = database
        self._channel = channel
        self._sender = sender
        self._heard = heard
        self._wake = wake

    def start(self) -> None:
        """Begins to listen."""
        self._task = asyncio.get_running_loop().create_task(self._listen_forever())

    async def close(self) -> None:
        """Stops listening."""
        while not self._task.done():
            # More than once: before Python 3.12 the driver can lose a cancellation.
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_FIRST_DELAY)

    async def _listen_forever(self) -> None:
        delay = _FIRST_DELAY
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._database.conninfo, autocommit=True
                ) as connection:
                    await connection.execute(f'LISTEN "{self._channel}"')
                    await self._database.check()
                    self.connected, delay = True, _FIRST_DELAY
                    self._heard(None)  # whatever was missed
                    while True:
                        async for message in connection.notifies(timeout=_PING_SECONDS):
                            self._hear(message.payload)
                        await connection.execute("SELECT 1")
            except (psycopg.Error, OSError) as error:
                _log.info("not listening for changes: %s", " ".join(str(error).split()))
            finally:
                self.connected = False
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LAST_DELAY)

    def _hear(self, payload: str) -> None:
        first, *names = payload.split("\n")
        sender = first.removesuffix(_WORK)
        if sender != self._sender:
            self._heard(names or None)
            if sender != first:
                self._wake()


class Poll:
    """Says every so often that anything may have changed, while somebody cares.

    Args:
        seconds: returns how long until the next time.
        notify: called then.
    """

    def __init__(self, seconds: Callable[[], float], notify: Callable[[None], None]) -> None:
        self._seconds = seconds
        self._notify = notify
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to say so."""
        self._task = asyncio.get_running_loop().create_task(self._poll_forever())

    def stop(self) -> None:
        """Says it no more."""
        if self._task:
            self._task.cancel()
            self._task = None

    async def _poll_forever(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(self._seconds())
                self._notify(None)
