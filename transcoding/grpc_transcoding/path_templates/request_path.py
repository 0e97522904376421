"""A request's path, split into segments and a verb that some template may claim.

Trailing slashes are ignored, and nothing before one is a verb.

Spec: google/api/http.proto; the splitting is that of grpc-httpjson-transcoding.
"""

from __future__ import annotations

from dataclasses import dataclass

from grpc_transcoding.path_templates.percent import decode


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPath:
    """A raw path, split at its slashes.

    Attributes:
        raw_segments: As the request line carries them.
        segments: The same, percent-decoded: what literals are compared with.
        verb: What stands behind the last colon of the last segment, percent-decoded, or "".
        raw_before_verb: The raw segments without that verb.
        before_verb: The decoded segments without that verb.
    """

    raw_segments: tuple[bytes, ...]
    segments: tuple[str, ...]
    verb: str
    raw_before_verb: tuple[bytes, ...]
    before_verb: tuple[str, ...]

    @classmethod
    def parse(cls, raw: bytes) -> RequestPath:
        """Splits a raw path that begins with a slash.

        Raises:
            InvalidEscapeError: A segment is not UTF-8 once decoded.
        """
        parts = raw.split(b"/")[1:]
        raw_segments = _without_trailing_empty(parts)
        segments = tuple(decode(segment) for segment in raw_segments)
        verb, raw_before, before = "", raw_segments, segments
        if raw_segments and len(raw_segments) == len(parts) and b":" in raw_segments[-1]:
            base, raw_verb = raw_segments[-1].rsplit(b":", 1)
            if raw_verb:
                verb = decode(raw_verb)
                raw_before = _without_trailing_empty([*raw_segments[:-1], base])
                before = (*segments[:-1], decode(base))[: len(raw_before)]
        return cls(
            raw_segments=raw_segments,
            segments=segments,
            verb=verb,
            raw_before_verb=raw_before,
            before_verb=before,
        )


def _without_trailing_empty(parts: list[bytes]) -> tuple[bytes, ...]:
    count = len(parts)
    while count and not parts[count - 1]:
        count -= 1
    return tuple(parts[:count])
