"""From an HTTP method and a raw path to the binding that answers it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from grpc_transcoding.bindings.binding import Binding
from grpc_transcoding.bindings.faults import Fault
from grpc_transcoding.path_templates import PathTrie, Unescape
from grpc_transcoding.path_templates.percent import decode
from grpc_transcoding.path_templates.request_path import RequestPath
from grpc_transcoding.path_templates.trie import ANY_METHOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The binding of a request, and what its path captures.

    Attributes:
        binding: What answers.
        captures: Field paths and their decoded text, in the order of the template.
    """

    binding: Binding
    captures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongMethod:
    """The path is bound, but not for this HTTP method.

    Attributes:
        allow: The methods that the path answers, sorted.
    """

    allow: tuple[str, ...]


class Router:
    """The bindings of one service.

    Spec: google/api/http.proto, "Path template syntax"; grpc-httpjson-transcoding's PathMatcher.
    """

    def __init__(self, *, unescape: Unescape = Unescape.ALL_BUT_SLASH) -> None:
        self._trie: PathTrie[Binding] = PathTrie()
        self._unescape = unescape
        self.bindings: list[Binding] = []

    def add_all(self, bindings: Iterable[Binding]) -> list[Fault]:
        """Adds bindings; of two that claim the same method and path the first one stays.

        Returns:
            One fault for each binding that was refused.
        """
        faults = []
        for binding in bindings:
            taken = self._trie.add(binding.http_method, binding.template, binding)
            if taken is None:
                self.bindings.append(binding)
                continue
            problem = (
                f"{binding.http_method} {binding.template.text} claims a path that "
                f"{taken.http_method} {taken.template.text} of {taken.selector} has already"
            )
            faults.append(
                Fault(source=binding.source, selector=binding.selector, problem=problem, column=1)
            )
        return faults

    def find(self, http_method: str, raw_path: bytes) -> Match | WrongMethod | None:
        """Finds what answers a request.

        Args:
            http_method: In upper case.
            raw_path: The path as the request line carries it, without the query.

        Returns:
            The match, or the methods that the path does answer, or None if it answers none.

        Raises:
            InvalidEscapeError: A segment of the path is not UTF-8 once decoded.
        """
        path = RequestPath.parse(raw_path)
        # The colon is a verb's only if some binding of the path before it has that verb.
        if path.verb:
            found = self._resolve(http_method, path.before_verb, path.raw_before_verb, path.verb)
            if found is not None:
                return found
        return self._resolve(http_method, path.segments, path.raw_segments, "")

    def candidates(self, raw_path: bytes) -> list[Binding]:
        """Returns every binding whose template matches a path, best first, of any method.

        Raises:
            InvalidEscapeError: A segment of the path is not UTF-8 once decoded.
        """
        path = RequestPath.parse(raw_path)
        matches = [self._trie.matches(path.before_verb, path.verb)] if path.verb else []
        matches.append(self._trie.matches(path.segments, ""))
        return [binding for found in matches for methods in found for binding in methods.values()]

    def _resolve(
        self, http_method: str, segments: tuple[str, ...], raw: tuple[bytes, ...], verb: str
    ) -> Match | WrongMethod | None:
        allowed: set[str] = set()
        fallback: Binding | None = None
        for methods in self._trie.matches(segments, verb):
            binding = methods.get(http_method) or methods.get(ANY_METHOD)
            if binding is not None:
                return self._match(binding, raw)
            if http_method == "HEAD" and fallback is None:
                fallback = methods.get("GET")
            allowed.update(methods)
        if fallback is not None:
            return self._match(fallback, raw)
        if not allowed:
            return None
        if "GET" in allowed:
            allowed.add("HEAD")
        return WrongMethod(allow=tuple(sorted(allowed | {"OPTIONS"})))

    def _match(self, binding: Binding, raw: tuple[bytes, ...]) -> Match:
        template = binding.template
        captures = []
        for variable in template.variables:
            held = raw[template.captured(variable, len(raw))]
            unescape = self._unescape if variable.is_multi_segment else Unescape.ALL
            captures.append((variable.field_path, decode(b"/".join(held), unescape)))
        return Match(binding=binding, captures=tuple(captures))
