"""longrunning through two workers: python -m benchmarks.work.longrunning_workers URL TOTAL"""

import asyncio
import subprocess
import sys
from pathlib import Path

from benchmarks.work.empty_app import operations
from benchmarks.work.longrunning_in_process import run
from benchmarks.work.measuring import tell
from longrunning import WorkersElsewhere

WORKERS = 2

if __name__ == "__main__":
    lro = str(Path(sys.executable).with_name("lro"))
    command = [lro, "worker", "benchmarks.work.empty_app:app", "--store", sys.argv[1]]
    workers = []
    try:
        for _ in range(WORKERS):
            worker = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            workers.append(worker)
            assert worker.stdout is not None
            assert worker.stdout.readline().startswith("lro: working")
        operations.engine = WorkersElsewhere()
        tell(asyncio.run(run(sys.argv[1], int(sys.argv[2]))))
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait(20)
