"""The router: a trie of segments that finds the binding of a path.

At each segment a literal beats `*`, and `*` beats `**`; a branch that leads nowhere is left again,
so it never hides one that matches. The cost is that of the path's segments, not of the number of
templates.

Spec: google/api/http.proto; the precedence is that of grpc-httpjson-transcoding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from grpc_transcoding.path_templates.template import MANY_SEGMENTS, ONE_SEGMENT, PathTemplate

T = TypeVar("T")
ANY_METHOD = "*"


class _Node(Generic[T]):
    """Where the walk stands after some segments."""

    __slots__ = ("is_many", "leaves", "literals", "many", "one")

    def __init__(self, *, is_many: bool = False) -> None:
        self.is_many = is_many  # loops on itself: it was reached by `**`
        self.literals: dict[str, _Node[T]] = {}
        self.one: _Node[T] | None = None
        self.many: _Node[T] | None = None
        self.leaves: dict[str, dict[str, T]] = {}  # verb -> HTTP method -> what is bound


class PathTrie(Generic[T]):
    """Maps HTTP method and path to whatever was added with a template."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, template: PathTemplate, value: T) -> T | None:
        """Binds `value` to a method and template, unless that shape is taken.

        Args:
            method: The HTTP method in upper case, or `*` for every one.
            template: Its shape is claimed.
            value: What a match returns.

        Returns:
            What already holds that method and shape (nothing is changed then), or None.
        """
        node = self._root
        for segment in template.segments:
            if segment is ONE_SEGMENT:
                node.one = node.one or _Node()
                node = node.one
            elif segment is MANY_SEGMENTS:
                node.many = node.many or _Node(is_many=True)
                node = node.many
            else:
                node = node.literals.setdefault(str(segment), _Node())
        methods = node.leaves.setdefault(template.verb, {})
        taken = methods.get(method)
        if taken is None:
            methods[method] = value
        return taken

    def matches(self, segments: Sequence[str], verb: str) -> Iterator[dict[str, T]]:
        """Yields, best first, what is bound to a path: HTTP method to value.

        Args:
            segments: The path's segments, percent-decoded.
            verb: The verb that the templates must have, or an empty string.
        """
        # Walked without recursion: a path may have thousands of segments.
        waiting = [(self._root, 0)]
        visited: set[tuple[int, int]] = set()
        while waiting:
            node, at = waiting.pop()
            # What was visited has nothing new to give; this keeps `**` from being exponential.
            if (id(node), at) in visited:
                continue
            visited.add((id(node), at))
            if at == len(segments):
                if methods := node.leaves.get(verb):
                    yield methods
                if node.many:
                    waiting.append((node.many, at))
                continue
            # The last that is put here is looked at first.
            if node.is_many:
                waiting.append((node, at + 1))
            if node.many:
                waiting.append((node.many, at))
            # An empty segment is no id: `/v1//books` does not match `/v1/{shelf}/books`.
            if node.one and segments[at]:
                waiting.append((node.one, at + 1))
            if literal := node.literals.get(segments[at]):
                waiting.append((literal, at + 1))
