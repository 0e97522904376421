"""What a parsed path template is."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Wildcard(enum.Enum):
    """A segment of a template that is not a literal."""

    ONE = "*"
    MANY = "**"


ONE_SEGMENT = Wildcard.ONE
MANY_SEGMENTS = Wildcard.MANY


@dataclass(frozen=True, slots=True, kw_only=True)
class PathVariable:
    """A `{field_path=segments}` of a template.

    Attributes:
        field_path: The request field that it fills, dotted (`book.name`).
        start: The index of its first segment in the template's segments.
        end: The index after its last one.
        column: Where the field path begins in the text, from 1.
        is_multi_segment: Whether what it captures may hold a slash: then `%2F` stays encoded.
    """

    field_path: str
    start: int
    end: int
    column: int
    is_multi_segment: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PathTemplate:
    """A path template of an HttpRule, as `parse_template` reads it.

    Attributes:
        text: As it was written.
        segments: Literals (percent-decoded) and wildcards, with the variables flattened into them.
        verb: What stands behind the last colon, or an empty string.
        variables: In the order in which they are written.
    """

    text: str
    segments: tuple[str | Wildcard, ...]
    verb: str
    variables: tuple[PathVariable, ...]
    many_index: int | None = field(init=False)

    def __post_init__(self) -> None:
        """Finds the one `**`, which splits the segments in those counted from either end."""
        many = MANY_SEGMENTS in self.segments
        # A frozen dataclass fills its derived attributes this way.
        object.__setattr__(self, "many_index", self.segments.index(MANY_SEGMENTS) if many else None)

    @property
    def shape(self) -> str:
        """The template without its variables: `/v1/shelves/*:read`; equal shapes are one path."""
        path = "/".join(s if isinstance(s, str) else s.value for s in self.segments)
        return f"/{path}:{self.verb}" if self.verb else f"/{path}"

    def captured(self, variable: PathVariable, segment_count: int) -> slice:
        """Returns which segments of a path with `segment_count` of them a variable holds.

        `**` stands for as many segments as the rest of the template leaves: what comes after it
        is counted from the end of the path.
        """
        many, start, end = self.many_index, variable.start, variable.end
        surplus = segment_count - len(self.segments)
        if many is None:
            return slice(start, end)
        return slice(
            start + surplus if start > many else start, end + surplus if end > many else end
        )
