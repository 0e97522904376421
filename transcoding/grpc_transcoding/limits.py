"""What a request may cost before it is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one request; each has a refusal of its own.

    Attributes:
        body_bytes: Of a body, or of one message of a streamed body (413).
        json_depth: How deep objects and arrays may be nested (400).
        path_bytes: Of the raw path (414).
        query_bytes: Of the raw query (414).
        query_parameters: How many there may be (400).
        header_bytes: Of all header names and values together (431).
    """

    body_bytes: int = 4 * 1024 * 1024
    json_depth: int = 64
    path_bytes: int = 8 * 1024
    query_bytes: int = 16 * 1024
    query_parameters: int = 256
    header_bytes: int = 64 * 1024
