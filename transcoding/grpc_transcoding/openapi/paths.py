"""Path templates as OpenAPI writes them: one parameter for each wildcard.

`/v1/{name=shelves/*/books/*}:move` becomes `/v1/shelves/{shelvesId}/books/{booksId}:move`. What
`**` stands for may hold slashes, which OpenAPI cannot say: such a parameter is marked with
`x-holds-slashes`.

Spec: OpenAPI 3.1, Paths Object ("templated paths with the same hierarchy").
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from grpc_transcoding.path_templates import MANY_SEGMENTS, PathTemplate, PathVariable, Wildcard


@dataclass(frozen=True, slots=True, kw_only=True)
class PathParameter:
    """One wildcard of a template.

    Attributes:
        name: Unique in its path.
        holds_slashes: Whether it is `**`.
        variable: The template's variable that it is part of, if it is part of one.
        is_whole: Whether it is all of that variable.
    """

    name: str
    holds_slashes: bool
    variable: PathVariable | None
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedPath:
    """A template, as a document has it.

    Attributes:
        text: With the parameters' names.
        shape: Without them: two paths of one shape are one path to OpenAPI.
        parameters: In order.
    """

    text: str
    shape: str
    parameters: tuple[PathParameter, ...]


def documented_path(template: PathTemplate) -> DocumentedPath:
    """Returns a template as OpenAPI writes it."""
    parts: list[str] = []
    shape: list[str] = []
    parameters: list[PathParameter] = []
    taken: set[str] = set()
    for index, segment in enumerate(template.segments):
        if not isinstance(segment, Wildcard):
            parts.append(quote(segment, safe="$&'()+,;=@!~"))
            shape.append(parts[-1])
            continue
        variable = _holder(template, index)
        is_whole = variable is not None and variable.end - variable.start == 1
        name = _name(template, index, variable if is_whole else None)
        while name in taken:
            name += "_"
        taken.add(name)
        parameters.append(
            PathParameter(
                name=name,
                holds_slashes=segment is MANY_SEGMENTS,
                variable=variable,
                is_whole=is_whole,
            )
        )
        parts.append(f"{{{name}}}")
        shape.append("{}")
    verb = f":{quote(template.verb, safe='')}" if template.verb else ""
    return DocumentedPath(
        text="/" + "/".join(parts) + verb,
        shape="/" + "/".join(shape) + verb,
        parameters=tuple(parameters),
    )


def _holder(template: PathTemplate, index: int) -> PathVariable | None:
    for variable in template.variables:
        if variable.start <= index < variable.end:
            return variable
    return None


def _name(template: PathTemplate, index: int, variable: PathVariable | None) -> str:
    if variable is not None:
        return variable.field_path
    before = template.segments[index - 1] if index else None
    if isinstance(before, str) and before.isidentifier():
        ending = "Path" if template.segments[index] is MANY_SEGMENTS else "Id"
        return before + ending
    return f"segment{index + 1}"
