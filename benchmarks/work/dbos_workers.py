"""dbos through two workers and a queue: python -m benchmarks.work.dbos_workers URL TOTAL

The queue and the result are polled as often as is still kind to the database, not once a second, as
dbos does by default.
"""

import asyncio
import subprocess
import sys
import time

from dbos import DBOS, DBOSClient, DBOSConfig

from benchmarks.work.measuring import Figures, measure, tell

POLL_SECONDS = 0.02


def serve(url: str) -> None:
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": url,
        "log_level": "ERROR",
        "application_version": "1",
    }
    DBOS(config=config)

    @DBOS.workflow(name="empty")
    async def empty() -> None:
        """Does nothing."""

    DBOS.launch()
    DBOS.register_queue("work", polling_interval_sec=POLL_SECONDS)
    print("ready", flush=True)
    time.sleep(3600)


async def run(url: str, total: int) -> Figures:
    client = DBOSClient(system_database_url=url, application_name="bench")

    async def run_one() -> None:
        handle = await client.enqueue_async(
            {"queue_name": "work", "workflow_name": "empty", "app_version": "1"}
        )
        await handle.get_result(polling_interval_sec=POLL_SECONDS)

    return await measure(run_one, total)


if __name__ == "__main__":
    if sys.argv[2] == "serve":
        serve(sys.argv[1])
    workers = []
    try:
        for _ in range(2):
            command = [sys.executable, "-m", "benchmarks.work.dbos_workers", sys.argv[1], "serve"]
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
