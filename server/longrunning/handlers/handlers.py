"""The handlers of one `Operations`."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from google.protobuf.message import Message

from longrunning.errors import OperationsError
from longrunning.handlers.declaration import declare
from longrunning.handlers.handler import Handler, OnConflict, OnInterruption, Resources, Run

P = ParamSpec("P")
R = TypeVar("R")


class Handlers:
    """Handlers by their stored names; declaring one adds it."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler[Any, Any]] = {}

    def __iter__(self) -> Iterator[Handler[Any, Any]]:
        return iter(self._handlers.values())

    def __contains__(self, handler: object) -> bool:
        return isinstance(handler, Handler) and self._handlers.get(handler.name) is handler

    def get(self, name: str) -> Handler[Any, Any] | None:
        """Returns the handler of a stored name, or None if this process does not have it."""
        return self._handlers.get(name)

    def add(self, handler: Handler[Any, Any]) -> None:
        """Adds a handler.

        Raises:
            ValueError: another one has its name.
        """
        if handler.name in self._handlers:
            raise ValueError(
                f"there is a handler named {handler.name!r} already: give one of them another name"
            )
        self._handlers[handler.name] = handler

    def handler(
        self,
        *,
        method: str = "",
        response: type[Message] | None = None,
        metadata: type[Message] | None = None,
        checkpoint: type[Message] | None = None,
        run: Run | None = None,
        name: str | None = None,
        errors: Mapping[type[Exception], Callable[[Any], OperationsError]] | None = None,
        on_interruption: OnInterruption = "fail",
        max_attempts: int = 3,
        timeout: float | None = None,
        grace: float = 10.0,
        max_running: int | None = None,
        conflict: Callable[[Any], str] | None = None,
        on_conflict: OnConflict = "refuse",
        labels: Collection[str] = (),
        resources: Resources | None = None,
        cancellable: bool = True,
        retention: float | None = None,
    ) -> Callable[[Callable[P, R]], Handler[P, R]]:
        """Declares a function as the work of operations; it stays callable as it is.

        The function takes the request and an operation context (`name`, `parent`, `request`,
        `attempt`, `deadline`, `cancelled`, `report`, `checkpoint`, `last_checkpoint`), and returns
        the response.

        Args:
            method: the RPC that starts it, `pkg.Service/Method`: the types come from its
                `google.longrunning.operation_info`.
            response: the class of the result, by default `google.protobuf.Empty`.
            metadata: the class of what is reported; None if nothing is.
            checkpoint: the class of what is left for the next attempt; None if nothing is.
            run: "loop", which `async def` means; "thread" or "process", one of which a plain
                function has to say.
            name: its stored identity, by default `method` or else the function's full name.
            errors: makes the error of an operation from an exception of the handler, by class: the
                nearest class of an exception's `__mro__` counts. What is not mapped, and is no
                `OperationsError`, clients see as INTERNAL with an id that is in the log.
            on_interruption: "fail" ends work whose process died as ABORTED, "retry" runs it again.
            max_attempts: how often it may be begun in all, with "retry".
            timeout: after how many seconds it is stopped and ends as DEADLINE_EXCEEDED, counted
                from its first claim: the wait for that does not count, and further attempts do not
                get more.
            grace: how long it may take to stop once told, in seconds. Then a process is killed; and
                work that ran out of its time ends, whatever its function still does. A server that
                stops itself gives it 5 seconds at most.
            max_running: how many of its operations run at once in one process; others wait.
            conflict: returns the key of a request, `databases/d` say; of all operations with the
                same key, of whatever handler, one is under way at a time. "" conflicts with none.
            on_conflict: "refuse" answers `start` with ABORTED, "queue" has it wait for its turn.
            labels: the work is done by workers that have all of these labels.
            resources: what it needs of its machine; heeded by engines that place work, as Ray does.
            cancellable: whether CancelOperation is offered.
            retention: how long its operations are kept once done, in seconds.

        Raises:
            TypeError: the function has the wrong shape or colour.
            ValueError: an option is wrong, or there is a handler of that name.
        """

        def decorate(function: Callable[P, R]) -> Handler[P, R]:
            handler = declare(
                function,
                method=method,
                response=response,
                metadata=metadata,
                checkpoint=checkpoint,
                run=run,
                name=name,
                errors=errors or {},
                on_interruption=on_interruption,
                max_attempts=max_attempts,
                timeout=timeout,
                grace=grace,
                max_running=max_running,
                conflict=conflict,
                on_conflict=on_conflict,
                labels=labels,
                resources=resources or Resources(),
                cancellable=cancellable,
                retention=retention,
            )
            self.add(handler)
            return handler

        return decorate
