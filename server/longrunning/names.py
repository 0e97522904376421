"""Resource names: of operations, of their parents, and parents with wildcards in them.

    parent     = [ segment { "/" segment } ]
    operation  = [ parent "/" ] "operations/" segment
    segment    = 1*( any character but "/", space and control characters )

Spec: AIP-122 (resource names), AIP-159 (`-` reads across collections)
"""

import re
from dataclasses import dataclass

from longrunning.errors import InvalidArgument

COLLECTION = "operations"
WILDCARD = "-"
MAX_NAME_LENGTH = 1024

_SEGMENT = r"[^/\s\x00-\x1f\x7f]+"
_PARENT = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
_OPERATION = re.compile(rf"(?:(?P<parent>{_PARENT.pattern})/)?{COLLECTION}/{_SEGMENT}")


def operation_name(parent: str, operation_id: str) -> str:
    """Returns the name of an operation below `parent`, which may be ""."""
    return f"{parent}/{COLLECTION}/{operation_id}" if parent else f"{COLLECTION}/{operation_id}"


def check_operation_name(name: str) -> None:
    """Refuses what cannot be the name of an operation.

    Raises:
        InvalidArgument: it is malformed, or has a wildcard in it.
    """
    if not name:
        raise _invalid("name", "The name of an operation is required.", name)
    if len(name) > MAX_NAME_LENGTH or not _OPERATION.fullmatch(name):
        raise _invalid(
            "name",
            f"{_shown(name)} is not the name of an operation: "
            "expected 'operations/{id}' or '{parent}/operations/{id}'.",
            name,
        )


def check_parent(parent: str) -> None:
    """Refuses what cannot be the parent of a new operation; "" is the parent of none.

    Raises:
        InvalidArgument: it is malformed, or has a wildcard in it.
    """
    if parent and (len(parent) > MAX_NAME_LENGTH // 2 or not _PARENT.fullmatch(parent)):
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
        if name and (len(name) > MAX_NAME_LENGTH or not _PARENT.fullmatch(name)):
            raise _invalid(
                "name",
                f"{_shown(name)} is not the parent of operations: expected segments such as "
                "'projects/{project}/locations/{location}', or '-' in place of a segment.",
                name,
            )
        return cls("" if name == COLLECTION else name.removesuffix(f"/{COLLECTION}"))

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
        message, field=field, reason="INVALID_NAME", metadata={"value": value[:MAX_NAME_LENGTH]}
    )


def _shown(name: str) -> str:
    return repr(name) if len(name) <= 100 else f"{name[:100]!r}... ({len(name)} characters)"
