"""A proxy before PostgreSQL that loses the answers to chosen statements."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit


class ConnectionCutter:
    """Passes everything on, until the server answers a statement whose answer is to be lost.

    The server has carried it out by then; the client sees its connection end.
    """

    def __init__(self, url: str) -> None:
        self._server = Path(parse_qs(urlsplit(url).query)["host"][0]) / ".s.PGSQL.5432"
        self._folder = tempfile.TemporaryDirectory(prefix="lro-cut-")
        self._cut: bytes | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.url = f"postgresql://postgres@/postgres?host={self._folder.name}"

    def cut_answers_to(self, statement: bytes) -> None:
        """Loses the answers to statements with these bytes in them, and whatever follows."""
        self._cut = statement

    def cut_nothing(self) -> None:
        """Passes everything on again."""
        self._cut = None

    async def __aenter__(self) -> "ConnectionCutter":
        socket = Path(self._folder.name) / ".s.PGSQL.5432"
        self._listening = await asyncio.start_unix_server(self._serve, socket)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listening.close()
        for serving in self._serving:
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        self._folder.cleanup()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        server_reader, server_writer = await asyncio.open_unix_connection(self._server)
        doomed = False

        async def forward() -> None:
            nonlocal doomed
            while data := await reader.read(65536):
                doomed = doomed or (self._cut is not None and self._cut in data)
                server_writer.write(data)
            server_writer.close()

        async def back() -> None:
            while data := await server_reader.read(65536):
                if doomed:
                    break
                writer.write(data)
            writer.close()

        try:
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(forward(), back())
        finally:
            for each in (writer, server_writer):
                each.close()
            for each in (writer, server_writer):
                with contextlib.suppress(ConnectionError):
                    await each.wait_closed()
            self._serving.discard(task)
