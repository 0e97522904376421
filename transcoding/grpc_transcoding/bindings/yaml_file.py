"""YAML, with the places where a mapping holds a key twice: parsers keep one without a word.

Spec: YAML 1.2.2, section 3.2.1.1 (keys are unique).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedKey:
    """A key that its mapping holds already; the last one holds.

    Attributes:
        key: As it is written.
        line: From 1.
        column: From 1.
    """

    key: str
    line: int
    column: int


class YamlError(ValueError):
    """A text that is not YAML; says where, if that is known."""


def load_yaml(text: str, sections: Collection[str]) -> tuple[object, tuple[RepeatedKey, ...]]:
    """Parses one YAML document.

    Args:
        text: The document.
        sections: The keys of the outermost mapping in which repeated keys are looked for.

    Raises:
        YamlError: The text is not YAML.
    """
    import yaml  # noqa: PLC0415 - who passes messages does not pay for it

    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None, ()
        return loader.construct_document(node), tuple(_repeated_keys(node, sections))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise YamlError(f"the file is not YAML{place}: {error.problem}") from error
    except RecursionError as error:
        raise YamlError("the file is nested too deep") from error
    except (yaml.YAMLError, ValueError) as error:  # such as a date that is none
        raise YamlError("the file is not YAML") from error


def _repeated_keys(root: object, sections: Collection[str]) -> Iterator[RepeatedKey]:
    # Nodes of PyYAML: the value of a mapping is a list of pairs, that of a sequence a list.
    waiting: list[Any] = [root]
    visited: set[int] = set()  # an anchor may be referred to many times
    while waiting:
        node = waiting.pop()
        if id(node) in visited or isinstance(node.value, str):
            continue
        visited.add(id(node))
        if node.id == "sequence":
            waiting.extend(node.value)
            continue
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key.value, str):
                continue
            if key.value in seen:
                mark = key.start_mark
                yield RepeatedKey(key=key.value, line=mark.line + 1, column=mark.column + 1)
            seen.add(key.value)
            if node is not root or key.value in sections:
                waiting.append(value)
