"""The keys of an issuer, kept and fetched again."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from longrunning.auth.fetching import FetchError, check_url, fetch_json
from longrunning.auth.jwks import Key, KeySetError, parse_keys, read_keys
from longrunning.auth.verifier import cannot_check
from longrunning.auth.watched_file import WatchedFile
from longrunning.clock import Clock, microseconds

_log = logging.getLogger(__name__)

_LOOK_EVERY = microseconds("time between looks at a file of keys", 0.02)


class KeySource(Protocol):
    """Where keys come from."""

    @property
    def has_changed(self) -> bool:
        """Whether there are others now, as far as that can be told for nothing."""

    async def load(self) -> Sequence[Key]:
        """Returns the keys that there are.

        Raises:
            FetchError: they cannot be had.
            KeySetError: what is there is no key set.
        """


class JwksFile:
    """A key set in a file.

    It is looked at once in 20 ms: to do so at each call takes more than half as long as all else
    that is done for a token that was seen before.

    Args:
        path: of the file.
        clock: tells the time.

    Raises:
        ValueError: it cannot be read, or is no key set.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._file = WatchedFile(path)
        self._clock = clock
        self._unchanged_at = -_LOOK_EVERY
        self._is_due = False  # it was seen to have changed, and is not read to its end yet
        try:
            self._load()
        except (FetchError, KeySetError) as error:
            raise ValueError(f"{path}: {error}") from None

    @property
    def has_changed(self) -> bool:
        """Whether the file has, when it was looked at last, and until it is read."""
        if self._is_due:
            return True
        now = self._clock()
        # A clock that was set back must not keep us from looking.
        if 0 <= now - self._unchanged_at < _LOOK_EVERY:
            return False
        self._is_due = self._file.has_changed
        if not self._is_due:
            self._unchanged_at = now
        return self._is_due

    async def load(self) -> Sequence[Key]:
        """Reads the file."""
        try:
            return await asyncio.to_thread(self._load)
        finally:
            self._is_due = False

    def _load(self) -> Sequence[Key]:
        try:
            return read_keys(self._file.read())
        except OSError as error:
            raise FetchError(f"it cannot be read: {error.strerror}") from None


class JwksUrl:
    """A key set that is published.

    Args:
        url: HTTPS, or HTTP on loopback.
        seconds: how long a fetch may take.

    Raises:
        ValueError: the URL is another one.
    """

    has_changed = False  # which only a fetch could tell

    def __init__(self, url: str, *, seconds: float) -> None:
        check_url("the URL of the keys", url)
        self._url = url
        self._seconds = seconds

    async def load(self) -> Sequence[Key]:
        """Fetches them."""
        return parse_keys(await fetch_json(self._url, seconds=self._seconds))


class KeySet:
    """The keys of an issuer, no older than their lifetime.

    From half of their lifetime on they are fetched again behind the callers' backs; whoever needs a
    key that is not there waits for a fetch. However many ask, and whatever for, there is one fetch
    at a time, and one in `retry` seconds.

    Args:
        source: where they come from.
        lifetime: how long a key counts after it was last seen there, in seconds.
        retry: how long after one fetch the next one may begin, in seconds.
        clock: tells the time.

    Attributes:
        latest: the keys that were found last, whether or not it is time to look for others.
    """

    def __init__(self, source: KeySource, *, lifetime: float, retry: float, clock: Clock) -> None:
        self._source = source
        self._lifetime = microseconds("key lifetime", lifetime)
        self._retry = microseconds("key retry", retry)
        self._clock = clock
        self.latest: Sequence[Key] = ()
        self._loaded_at: int | None = None
        self._tried_at: int | None = None
        self._loading: asyncio.Task[None] | None = None

    @property
    def current(self) -> Sequence[Key] | None:
        """The latest keys, or None where it is time to look for others."""
        if self._source.has_changed or self._is_older_than(self._lifetime // 2):
            return None
        return self.latest

    async def find(self, kid: str, algorithm: str) -> Key | None:
        """Returns the key that a token says it is signed with.

        Args:
            kid: the name of the key, "" where the token names none.
            algorithm: one of `KEY_OF`.

        Raises:
            Unavailable: there are no keys, or too old ones, and no others can be had.
        """
        if self.current is None:
            await self._renew()
        key = self._look_up(kid, algorithm)
        if key is None and self._may_load:
            await self._load()
            key = self._look_up(kid, algorithm)
        return key

    async def _renew(self) -> None:
        is_old = self._is_older_than(self._lifetime)
        if self._source.has_changed or (is_old and self._may_load):
            await self._load()
        elif not is_old and self._may_load:
            self._begin_to_load()
        if self._is_older_than(self._lifetime):
            raise cannot_check()

    def _look_up(self, kid: str, algorithm: str) -> Key | None:
        found = None
        for key in self.latest:
            if (not kid or key.kid == kid) and key.is_for(algorithm):
                if found is not None:
                    return None
                found = key
        return found

    def _is_older_than(self, age: int) -> bool:
        # A clock that was set back must not make keys live for ever.
        return self._loaded_at is None or not 0 <= self._clock() - self._loaded_at < age

    @property
    def _may_load(self) -> bool:
        """Whether a fetch is under way, or may begin."""
        return (
            self._loading is not None
            or self._tried_at is None
            or not 0 <= self._clock() - self._tried_at < self._retry
        )

    async def _load(self) -> None:
        # Shielded: whoever goes away leaves the fetch to the others that wait for it.
        await asyncio.shield(self._begin_to_load())

    def _begin_to_load(self) -> "asyncio.Task[None]":
        if self._loading is None:
            self._loading = asyncio.get_running_loop().create_task(self._load_now())
        return self._loading

    async def _load_now(self) -> None:
        self._tried_at = now = self._clock()
        try:
            self.latest = await self._source.load()
            self._loaded_at = now
        except (FetchError, KeySetError) as error:
            _log.error("the keys that tokens are checked with are not renewed: %s", error)
        finally:
            self._loading = None
