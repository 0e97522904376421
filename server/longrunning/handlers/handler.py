"""One handler: a function, and how its work is to be done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from google.protobuf.message import Message

from longrunning.errors import OperationsError

P = ParamSpec("P")
R = TypeVar("R")

Run = Literal["loop", "thread", "process"]
OnInterruption = Literal["retry", "fail"]
OnConflict = Literal["refuse", "queue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What work needs of the machine that it runs on, for engines that place it.

    Attributes:
        cpus: cores, 1 by default.
        gpus: graphics processors.
        memory: bytes.
        custom: amounts of whatever else the cluster has, by its name.
    """

    cpus: float = 1
    gpus: float = 0
    memory: int = 0
    custom: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Handler(Generic[P, R]):
    """A function that does the work of operations; calling it calls the function.

    Attributes:
        function: takes the request and an operation context, and returns the response.
        name: its stored identity: operations that wait for it carry this name.
        method: the RPC that starts it, `pkg.Service/Method`, or "".
        run: "loop" for an async function; "thread" or "process" for a plain one.
        response: the class of its result.
        metadata: the class of what it reports, or None if it reports nothing.
        checkpoint: the class of what it leaves for its next attempt, or None.
        errors: what exceptions become for clients, by their class; others they do not see.
        on_interruption: whether work that was interrupted runs again or fails.
        max_attempts: how often it may be begun, with `on_interruption="retry"`.
        timeout: how long it may take from its first claim, in seconds; None for ever.
        grace: how long it may take to stop once told, in seconds.
        max_running: how many of it run at once in one process; None for as many as there is room.
        conflict: returns the key of a request; of one key one operation is under way at a time.
        on_conflict: whether another one with the key is refused, or waits.
        labels: only workers that have all of these run it.
        resources: what it needs of its machine.
        cancellable: whether CancelOperation is offered.
        retention: how long its operations are kept once done, in seconds; None for the default.
    """

    function: Callable[P, R]
    name: str
    method: str
    run: Run
    response: type[Message]
    metadata: type[Message] | None
    checkpoint: type[Message] | None
    errors: Mapping[type[Exception], Callable[[Any], OperationsError]]
    on_interruption: OnInterruption
    max_attempts: int
    timeout: float | None
    grace: float
    max_running: int | None
    conflict: Callable[[Any], str] | None
    on_conflict: OnConflict
    labels: frozenset[str]
    resources: Resources
    cancellable: bool
    retention: float | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.function.__doc__)
        object.__setattr__(self, "__wrapped__", self.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function itself; no operation is involved."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Handler {self.name}>"

    def conflict_key(self, request: Message) -> str:
        """Returns the key of a request, "" for none.

        Raises:
            TypeError: `conflict` made something else of it.
        """
        key = self.conflict(request) if self.conflict else ""
        if not isinstance(key, str):
            raise TypeError(
                f"conflict of {self.name} returned a {type(key).__name__}: expected str"
            )
        return key

    def check_metadata(self, message: object) -> None:
        """Raises TypeError where a message is not what the handler was declared to report."""
        self._check(message, self.metadata, "metadata", "reported")

    def check_checkpoint(self, message: object) -> None:
        """Raises TypeError where a message is not what it was declared to leave behind."""
        self._check(message, self.checkpoint, "checkpoint", "left as its checkpoint")

    def check_response(self, message: object) -> None:
        """Raises TypeError where a message is not what it was declared to return."""
        self._check(message, self.response, "response", "returned")

    def _check(
        self, message: object, expected: type[Message] | None, option: str, verb: str
    ) -> None:
        if expected is None or not isinstance(message, expected):
            declared = expected.DESCRIPTOR.full_name if expected else f"no {option}"
            raise TypeError(
                f"{self.name} {verb} a {type(message).__name__}: it was declared with {declared}"
            )
