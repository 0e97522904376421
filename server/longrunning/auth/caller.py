"""Who calls, as the RPC that is being answered knows it."""

from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import grpc.aio

_SAFE = ":/?&=@+,;~"  # in an issuer; `#` is not


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever sent a token that was checked, or, with an empty subject, no token.

    Attributes:
        subject: who it is, in the words of the issuer.
        issuer: who says so, such as `https://accounts.example.com`.
        scopes: what the token is good for.
        id: `issuer#subject`, what operations keep of who started them; "" for nobody known. No `#`
            of the issuer's own is in it, so no two callers have the same.
    """

    subject: str
    issuer: str
    scopes: frozenset[str] = frozenset()
    id: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = f"{quote(self.issuer, safe=_SAFE)}#{self.subject}" if self.subject else ""
        object.__setattr__(self, "id", known)


ANONYMOUS = Caller(subject="", issuer="")
"""The caller of an RPC who has shown no token, or whom nobody asked for one."""

_current: ContextVar[Caller] = ContextVar("longrunning caller", default=ANONYMOUS)


def caller_of(
    context: grpc.aio.ServicerContext[Any, Any] | grpc.ServicerContext | None,
) -> Caller | None:
    """Returns who calls the RPC that is being answered; without one, None: the service itself.

    It is known wherever the RPC is answered: in its servicer, in what that awaits, and in threads
    that `asyncio.to_thread` runs for it.

    Args:
        context: of the RPC.
    """
    # A real server's context takes no attributes, so the caller travels beside it.
    return None if context is None else _current.get()


class answering:  # noqa: N801 - it reads as a statement; a generator would cost each call more
    """Makes somebody the caller of what is done meanwhile.

    Args:
        caller: who calls.
    """

    __slots__ = ("_caller", "_token")

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def __enter__(self) -> None:
        self._token = _current.set(self._caller)

    def __exit__(self, *exc_info: object) -> None:
        _current.reset(self._token)


def context_of(caller: Caller) -> Context:
    """Returns a copy of the current context, with somebody as its caller."""
    inside = copy_context()
    inside.run(_current.set, caller)
    return inside
