"""procrastinate through two workers: python -m benchmarks.work.procrastinate_workers URL TOTAL

It keeps no results; that a job is done is seen in its row, by one poll for all who wait.
"""

import asyncio
import contextlib
import subprocess
import sys

import procrastinate
import psycopg

from benchmarks.work.measuring import Figures, measure, tell

POLL_SECONDS = 0.002


def app_of(url: str) -> procrastinate.App:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

    @app.task(name="empty")
    async def empty() -> None:
        """Does nothing."""

    return app


async def serve(url: str) -> None:
    app = app_of(url)
    async with app.open_async():
        print("ready", flush=True)
        await app.run_worker_async(concurrency=64, install_signal_handlers=False)


async def run(url: str, total: int) -> Figures:
    app = app_of(url)
    waiting: dict[int, asyncio.Future[None]] = {}

    async def poll(connection: psycopg.AsyncConnection[tuple[int]]) -> None:
        while True:
            if waiting:
                cursor = await connection.execute(
                    "SELECT id FROM procrastinate_jobs WHERE id = ANY(%s) AND status = 'succeeded'",
                    [list(waiting)],
                )
                for (number,) in await cursor.fetchall():
                    waiting.pop(number).set_result(None)
            await asyncio.sleep(POLL_SECONDS)

    async def run_one() -> None:
        number = await app.configure_task("empty").defer_async()
        waiting[number] = asyncio.get_running_loop().create_future()
        await waiting[number]

    async with (
        app.open_async(),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
    ):
        polling = asyncio.create_task(poll(connection))
        try:
            return await measure(run_one, total)
        finally:
            polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await polling


async def prepare(url: str) -> None:
    app = app_of(url)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


if __name__ == "__main__":
    if sys.argv[2] == "serve":
        asyncio.run(serve(sys.argv[1]))
    asyncio.run(prepare(sys.argv[1]))
    workers = []
    try:
        for _ in range(2):
            command = [
                *(sys.executable, "-m", "benchmarks.work.procrastinate_workers"),
                *(sys.argv[1], "serve"),
            ]
            worker = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            workers.append(worker)
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        tell(asyncio.run(run(sys.argv[1], int(sys.argv[2]))))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait(20)
