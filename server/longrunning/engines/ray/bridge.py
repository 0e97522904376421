"""The bridge: the process beside an API server that is connected to Ray.

It is a process of its own since a Ray driver changes what handles SIGTERM, and Ray ends it when the
head node stays away for a minute. Neither is for a server that has others to serve.

It reads its configuration as one line of JSON, then one byte for each hint; its end is the end of
its input. It writes a line for each change of what it knows: `ready`, `away WHY` or `refused WHY`.
"""

import contextlib
import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import ray

from longrunning.engines.ray.dispatcher import NAMESPACE, Dispatcher, Greeting, Word, name_of
from longrunning.engines.ray.settings import Settings

_HELLO_SECONDS = 1.0
_LEAVING_SECONDS = 2.0
_ANSWER_SECONDS = 60.0  # the first answer takes the start of a process, and an import
_HEAD = "node:__internal_head__"


def main() -> None:
    """Runs until the end of standard input."""
    # Whatever Ray or the module print goes where our own errors go.
    told = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    config = json.loads(sys.stdin.buffer.readline())
    hints: queue.SimpleQueue[bool] = queue.SimpleQueue()
    threading.Thread(target=_read, args=[hints.put], daemon=True).start()
    last: Word = ("away", "")

    def say(word: Word) -> None:
        nonlocal last
        if word != last:
            print(word[0], " ".join(word[1].split()), file=told)
        last = word

    try:
        ray.init(
            address=config["address"] or "auto",  # of None it would make a cluster of its own
            namespace=NAMESPACE,
            runtime_env=config["runtime_env"],
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
        settings = Settings(**config["settings"])
        greeting = Greeting(
            job=ray.get_runtime_context().get_job_id(),
            store=config["store"],
            handlers=config["handlers"],
        )
        _keep(settings, greeting, hints, say)
    except Exception as error:
        say(("away", f"{type(error).__name__}: {error}"))
        sys.exit(1)


def _read(hint: Callable[[bool], None]) -> None:
    while os.read(0, 65536):
        hint(True)
    hint(False)
    time.sleep(_LEAVING_SECONDS)
    os._exit(0)  # Ray looks for a cluster that is away for minutes, and heeds nothing meanwhile


def _keep(
    settings: Settings,
    greeting: Greeting,
    hints: "queue.SimpleQueue[bool]",
    say: Callable[[Word], None],
) -> None:
    """Says hello to the dispatcher every so often, and makes one where there is none."""
    while True:
        dispatcher, word = _greet(settings, greeting)
        say(word)
        next_hello = time.monotonic() + _HELLO_SECONDS
        with contextlib.suppress(queue.Empty):
            while (left := next_hello - time.monotonic()) > 0:
                if not hints.get(timeout=left):
                    return
                dispatcher.wake.remote()


def _greet(settings: Settings, greeting: Greeting) -> tuple[Any, Word]:
    """Returns the cluster's dispatcher for these settings and this code, and what it says.

    API servers that run the same code share the oldest one; another version of it has its own, so
    that no operation is begun by code that its API servers do not have any more.
    """
    context = ray.get_runtime_context()
    name = name_of(settings, str(context.runtime_env))
    for each in sorted(ray.util.list_named_actors()):
        if each.startswith(name):
            with contextlib.suppress(ValueError, ray.exceptions.RayActorError):  # it has gone
                dispatcher: Any = ray.get_actor(each)
                word = _answer(dispatcher, greeting)
                if word[0] != "leaving":
                    return dispatcher, word
    dispatcher = (
        ray.remote(Dispatcher)
        .options(
            name=f"{name} {greeting.job}",
            lifetime="detached",
            get_if_exists=True,
            num_cpus=0,
            # Beside what the cluster cannot lose anyway, as Ray Serve's controller is.
            resources={_HEAD: 0.001},
        )
        .remote(settings, greeting.job)
    )
    try:
        return dispatcher, _answer(dispatcher, greeting)
    except ray.exceptions.RayActorError as error:
        return dispatcher, ("away", f"the dispatcher does not start: {error}")


def _answer(dispatcher: Any, greeting: Greeting) -> Word:  # noqa: ANN401 - as Ray makes it
    word: Word = ray.get(dispatcher.hello.remote(greeting), timeout=_ANSWER_SECONDS)
    return word


if __name__ == "__main__":
    main()
