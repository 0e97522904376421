"""Grants from a file: who may call which methods, on what is below which parents.

    https://accounts.example.com#alice:          # Caller.id: the issuer, '#', the subject
      projects/a: ['*']                          # projects/a, and all below it
      projects/b/locations/eu: [google.longrunning.Operations.GetOperation]
    allAuthenticatedUsers:
      '*': [google.longrunning.Operations.ListOperations]

A parent is `*` for every one (and for none), or segments that a parent begins with; a method is a
selector: `*`, `pkg.Service.*` or `pkg.Service.Method`. What no line grants is not granted.
"""

import asyncio
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from longrunning.auth.authorizer import Access
from longrunning.auth.scopes import selects
from longrunning.auth.watched_file import WatchedFile
from longrunning.lifecycle import Record
from longrunning.names import is_resource_name

_log = logging.getLogger(__name__)

EVERYONE = "allAuthenticatedUsers"
_ALL = "*"
_SELECTOR = re.compile(r"\*|[\w]+(?:\.[\w]+)*(?:\.\*)?")

_Grants = Mapping[str, Mapping[str, tuple[str, ...]]]


class GrantsError(ValueError):
    """A file of grants has a fault; the message names file and line."""


class PrefixGrants:
    """Callers may do what a file grants them.

    The file is read again when it changes. If it has a fault then, the log says so and the grants
    stay as they were.

    Args:
        path: of the file; this module says what is in it.

    Raises:
        GrantsError: it has a fault, or cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = WatchedFile(path)
        self._grants = self._read()

    async def may_call(self, access: Access) -> bool:
        """Whether a line grants it: for this parent, or for any if it is not known yet."""
        if self._file.has_changed:
            try:
                self._grants = await asyncio.to_thread(self._read)
            except GrantsError as error:
                _log.error("the grants stay as they were: %s", error)
        if not access.caller.id:
            return False
        return any(
            access.parent is None or _covers(prefix, access.parent)
            for principal in (access.caller.id, EVERYONE)
            for prefix, methods in self._grants.get(principal, {}).items()
            if any(selects(method, access.method) for method in methods)
        )

    async def may_use(self, access: Access, record: Record) -> bool:  # noqa: ARG002 - whichever
        """Always: whoever may call a method on a parent may use it on all that is there."""
        return True

    def _read(self) -> _Grants:
        name = str(self._file.path)
        try:
            text = self._file.read().decode()
        except OSError as error:
            raise GrantsError(f"{name} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise GrantsError(f"{name} is not UTF-8") from None
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise GrantsError(f"{name}, line {line}: it is no YAML: {error.problem}") from None
        except yaml.YAMLError:
            raise GrantsError(f"{name}, line 1: it is no YAML") from None
        if root is None:
            return {}
        try:
            return {
                principal: {prefix: _methods(methods) for prefix, methods in _parents(parents)}
                for principal, parents in _principals(root)
            }
        except _FaultError as fault:
            raise GrantsError(f"{name}, line {fault.line}: {fault}") from None


class _FaultError(Exception):
    def __init__(self, node: yaml.Node, problem: str) -> None:
        super().__init__(problem)
        self.line = node.start_mark.line + 1


def _covers(prefix: str, parent: str) -> bool:
    return prefix in {_ALL, parent} or parent.startswith(f"{prefix}/")


def _principals(root: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    for key, name, value in _entries(root, "principals, each with its parents"):
        if name != EVERYONE and not all(name.partition("#")):
            raise _FaultError(
                key, f"{name!r} is no principal: expected 'issuer#subject' or {EVERYONE}"
            )
        yield name, value


def _parents(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    for key, name, value in _entries(node, "parents, each with its methods"):
        if name != _ALL and not (is_resource_name(name) and "-" not in name.split("/")):
            raise _FaultError(
                key, f"{name!r} is no parent: expected segments such as 'projects/p', or '*'"
            )
        yield name, value


def _methods(node: yaml.Node) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise _FaultError(node, "expected a list of methods, such as ['*']")
    for each in node.value:
        if not isinstance(each, yaml.ScalarNode) or not _SELECTOR.fullmatch(each.value):
            shown = each.value if isinstance(each, yaml.ScalarNode) else "what is here"
            raise _FaultError(
                each,
                f"{shown!r} is no method: expected 'pkg.Service.Method', 'pkg.Service.*' or '*'",
            )
    return tuple(each.value for each in node.value)


def _entries(node: yaml.Node, what: str) -> Iterator[tuple[yaml.Node, str, yaml.Node]]:
    """Yields the entries of a mapping: the key's place, its text, and the value."""
    if not isinstance(node, yaml.MappingNode):
        raise _FaultError(node, f"expected a mapping of {what}")
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _FaultError(key, f"expected a mapping of {what}")
        if key.value in seen:
            raise _FaultError(key, f"{key.value!r} is here twice")
        seen.add(key.value)
        yield key, key.value, value
