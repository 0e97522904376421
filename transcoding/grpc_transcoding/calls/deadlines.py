"""The deadline of a call, from the headers of its request and the service's own limit.

Spec: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, Timeout;
https://cloud.google.com/apis/docs/system-parameters, X-Server-Timeout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from grpc_transcoding.errors import invalid_argument, shortened

_GRPC_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])\Z")
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_SECONDS = re.compile(rb"[0-9]{1,9}(\.[0-9]{1,9})?\Z")
# A timer cannot be set further than this; nobody waits so long.
_LONGEST = 365 * 24 * 3600.0


def timeout_of(headers: Mapping[bytes, bytes], limit: float | None) -> float | None:
    """Returns how many seconds a call may take, or None: the shortest of all that is said.

    Args:
        headers: Those of the request that concern the transcoder.
        limit: What the service's file gives the backend, in seconds, or None.

    Raises:
        TranscodingError: A header is no timeout.
    """
    timeouts = [] if limit is None else [limit]
    if (text := headers.get(b"grpc-timeout")) is not None:
        found = _GRPC_TIMEOUT.match(text)
        if not found:
            raise invalid_argument(
                f"the header Grpc-Timeout is {shortened(text.decode('latin-1'))!r}, it should be"
                " up to 8 digits and a unit of H, M, S, m, u or n, such as 500m",
                reason="INVALID_TIMEOUT",
                header="Grpc-Timeout",
                value=shortened(text.decode("latin-1")),
            )
        timeouts.append(int(found[1]) * _UNITS[found[2]])
    if (text := headers.get(b"x-server-timeout")) is not None:
        if not _SECONDS.match(text):
            raise invalid_argument(
                f"the header X-Server-Timeout is {shortened(text.decode('latin-1'))!r}, it should"
                " be seconds, such as 2.5",
                reason="INVALID_TIMEOUT",
                header="X-Server-Timeout",
                value=shortened(text.decode("latin-1")),
            )
        timeouts.append(float(text))
    return min(*timeouts, _LONGEST) if timeouts else None
