"""The trace that an RPC belongs to, as one line of text.

Spec: W3C Trace Context, section 3.2
"""

import re
from typing import Any

import grpc
import grpc.aio

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")


def traceparent_of(
    context: grpc.aio.ServicerContext[Any, Any] | grpc.ServicerContext | None,
) -> str:
    """Returns the `traceparent` that an RPC came with, "" for none or a malformed one."""
    if context is None:
        return ""
    for key, value in context.invocation_metadata() or ():
        if key == "traceparent" and isinstance(value, str) and _TRACEPARENT.fullmatch(value):
            return value
    return ""


def ids_of(traceparent: str) -> tuple[str, str]:
    """Returns the ids of a trace and of a span in it, in hexadecimal digits, "" for none."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return (found[1], found[2]) if found else ("", "")
