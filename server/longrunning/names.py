"""Resource names: of operations, of their parents, and parents with wildcards in them.

    parent     = [ segment { "/" segment } ]
    operation  = [ parent "/" ] "operations/" segment
    segment    = 1*( any character but "/", space, control characters and halves of surrogates )

Spec: AIP-122 (resource names), AIP-159 (`-` reads across collections)
"""

import functools
import re
from dataclasses import dataclass
from itertools import takewhile

from longrunning.errors import InvalidArgument

COLLECTION = "operations"
WILDCARD = "-"
MAX_NAME_BYTES = 512
"""How long a name may be in UTF-8: what quotes it has to fit into gRPC's trailers, of 8 KiB."""

_SEGMENT = r"[^/\s\x00-\x1f\x7f\ud800-\udfff]+"
_LITERAL = r"[^/\s{}\x00-\x1f\x7f\ud800-\udfff]+"
_PARENT = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
_TEMPLATE = re.compile(rf"(?P<parent>\{{parent\}}/)?(?P<literal>(?:{_LITERAL}/)*)\{{id\}}")


class NameFormat:
    """How a service writes the names of its operations.

    Args:
        template: `{id}`, and before it `{parent}/` where names carry their parent, with literal
            segments between: `{parent}/operations/{id}`, or `{id}` alone.

    Raises:
        ValueError: the template is something else.
    """

    def __init__(self, template: str = f"{{parent}}/{COLLECTION}/{{id}}") -> None:
        match = _TEMPLATE.fullmatch(template)
        if match is None:
            raise ValueError(
                f"{template!r} is no name format: expected '{{parent}}/operations/{{id}}', "
                "'operations/{id}' or '{id}'"
            )
        literal = match["literal"] or ""
        self._has_parent = bool(match["parent"])
        self._literal = literal
        parent = rf"(?:{_PARENT.pattern}/)?" if self._has_parent else ""
        self._pattern = re.compile(rf"{parent}{re.escape(literal)}{_SEGMENT}")
        shapes = [f"'{literal}{{id}}'"]
        if self._has_parent:
            shapes.append(f"'{{parent}}/{literal}{{id}}'")
        self._expected = " or ".join(shapes)

    def write(self, parent: str, operation_id: str) -> str:
        """Returns the name of an operation below `parent`, which may be ""."""
        prefix = f"{parent}/" if parent and self._has_parent else ""
        return f"{prefix}{self._literal}{operation_id}"

    def check(self, name: str) -> None:
        """Refuses what cannot be the name of an operation.

        Raises:
            InvalidArgument: it is malformed.
        """
        if not name:
            raise _invalid("name", "The name of an operation is required.", name)
        if _too_long(name) or not self._pattern.fullmatch(name):
            raise _invalid(
                "name",
                f"{_shown(name)} is not the name of an operation: expected {self._expected}.",
                name,
            )


def is_resource_name(name: str) -> bool:
    """Whether it can be the name of anything."""
    return len(name) <= MAX_NAME_BYTES and _is_resource_name(name)


@functools.lru_cache(maxsize=4096)  # pollers ask for the same names again
def _is_resource_name(name: str) -> bool:
    return not _too_long(name) and _PARENT.fullmatch(name) is not None


def parent_of(name: str) -> str | None:
    """Returns the parent that the name of an operation shows, None if it shows none."""
    collection, _, _ = name.rpartition("/")
    parent, _, last = collection.rpartition("/")
    return parent if parent and last == COLLECTION else None


def check_parent(parent: str) -> None:
    """Refuses what cannot be the parent of a new operation; "" is the parent of none.

    Raises:
        InvalidArgument: it is malformed, has a wildcard in it, or is a collection of operations.
    """
    if parent and (_too_long(parent, MAX_NAME_BYTES - 100) or not _PARENT.fullmatch(parent)):
        raise _invalid(
            "parent",
            f"{_shown(parent)} is not a resource name: "
            "expected segments such as 'projects/{project}/locations/{location}'.",
            parent,
        )
    if WILDCARD in parent.split("/"):
        raise _invalid(
            "parent", f"{_shown(parent)} has the wildcard '-', which only a list may have.", parent
        )
    if parent.rsplit("/", 1)[-1] == COLLECTION:
        raise _invalid(
            "parent",
            f"{_shown(parent)} is a collection of operations: leave '{COLLECTION}' out.",
            parent,
        )


@dataclass(frozen=True, slots=True)
class ParentPattern:
    """The parents that a list asks for: one, or with `-` all that differ in those segments.

    Attributes:
        text: the pattern without a trailing `/operations`.
    """

    text: str

    @classmethod
    def parse(cls, name: str) -> "ParentPattern":
        """Reads `ListOperationsRequest.name`, with or without the collection behind it.

        Raises:
            InvalidArgument: it is malformed.
        """
        if name and (_too_long(name) or not _PARENT.fullmatch(name)):
            raise _invalid(
                "name",
                f"{_shown(name)} is not the parent of operations: expected segments such as "
                "'projects/{project}/locations/{location}', or '-' in place of a segment.",
                name,
            )
        return cls("" if name == COLLECTION else name.removesuffix(f"/{COLLECTION}"))

    @property
    def prefix(self) -> str:
        """What every parent that matches begins with."""
        segments = takewhile(lambda segment: segment != WILDCARD, self.text.split("/"))
        return "".join(f"{segment}/" for segment in segments) if self.has_wildcard else self.text

    @property
    def has_wildcard(self) -> bool:
        """Whether more than one parent can match."""
        return WILDCARD in self.text.split("/")

    def matches(self, parent: str) -> bool:
        """Whether the operations of `parent` belong to the list."""
        wanted, given = self.text.split("/"), parent.split("/")
        return len(wanted) == len(given) and all(
            want in (WILDCARD, have) for want, have in zip(wanted, given, strict=True)
        )


def _invalid(field: str, message: str, value: str) -> InvalidArgument:
    return InvalidArgument(
        message, field=field, reason="INVALID_NAME", metadata={"value": value[:100]}
    )


def _shown(name: str) -> str:
    return repr(name) if len(name) <= 100 else f"{name[:100]!r}... ({len(name)} characters)"


def _too_long(name: str, limit: int = MAX_NAME_BYTES) -> bool:
    if len(name) <= limit and name.isascii():
        return False  # which most names are: no need to encode them
    return len(name.encode(errors="surrogatepass")) > limit
