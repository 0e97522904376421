"""The Celery application: where tasks are put, and where workers find them.

SCAN_QUEUE is its directory, by default queue. A real service has a broker here, such as RabbitMQ or
Redis; the files of `filesystem://` need no server.
"""

import os
from pathlib import Path

from celery import Celery

_directory = Path(os.environ.get("SCAN_QUEUE", "queue")).absolute()
_tasks, _control = _directory / "tasks", _directory / "control"
for folder in (_tasks, _control):
    folder.mkdir(parents=True, exist_ok=True)

celery = Celery("scans", broker="filesystem://")
celery.conf.update(
    broker_transport_options={
        # What the service puts out is what the workers take in.
        "data_folder_in": str(_tasks),
        "data_folder_out": str(_tasks),
        "control_folder": str(_control),
        "polling_interval": 0.05,
    },
    task_ignore_result=True,  # the operation is the result
    worker_proc_alive_timeout=60.0,  # a process opens its store before it is ready
)
