"""dbos in one process: python -m benchmarks.work.dbos_in_process URL TOTAL"""

import asyncio
import sys

from dbos import DBOS, DBOSConfig

from benchmarks.work.measuring import Figures, measure, tell


async def run(url: str, total: int) -> Figures:
    config: DBOSConfig = {"name": "bench", "system_database_url": url, "log_level": "ERROR"}
    DBOS(config=config)

    @DBOS.workflow()
    async def empty() -> None:
        """Does nothing."""

    DBOS.launch()

    async def run_one() -> None:
        handle = await DBOS.start_workflow_async(empty)
        await handle.get_result()

    try:
        return await measure(run_one, total)
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    tell(asyncio.run(run(sys.argv[1], int(sys.argv[2]))))
