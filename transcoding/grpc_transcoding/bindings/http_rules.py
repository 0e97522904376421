"""From an HttpRule to bindings, checked against the method's messages.

Spec: google/api/http.proto, HttpRule and "Rules for HTTP mapping".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from google.api import http_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from grpc_transcoding.bindings.binding import Binding
from grpc_transcoding.bindings.faults import Fault
from grpc_transcoding.messages.fields import is_repeated
from grpc_transcoding.path_templates import PathTemplate, TemplateSyntaxError, parse_template

# RFC 9110, section 9.1: a method is a token; `*` is one.
_KIND = re.compile(r"[!#$%&'*+.^_`|~0-9A-Z-]+\Z")


def bindings_of(
    rule: http_pb2.HttpRule, method: MethodDescriptor, source: str, faults: list[Fault]
) -> Iterator[Binding]:
    """Yields the binding of a rule and of its additional bindings, leaving out the faulty ones.

    Args:
        rule: Its selector is not looked at.
        method: What the rule is for.
        source: Where the rule is written, for faults.
        faults: Grows by each mistake.
    """
    yield from _binding(rule, method, source, 0, faults)
    for index, additional in enumerate(rule.additional_bindings, 1):
        if additional.additional_bindings:
            _fault(
                faults, source, method, "an additional binding holds no additional bindings itself"
            )
            continue
        yield from _binding(additional, method, source, index, faults)


def pattern_of(rule: http_pb2.HttpRule) -> tuple[str, str]:
    """Returns the HTTP method, in upper case, and the path of a rule; both empty without one."""
    match rule.WhichOneof("pattern"):
        case None:
            return "", ""
        case "custom":
            return rule.custom.kind.upper(), rule.custom.path
        case pattern:
            return pattern.upper(), getattr(rule, pattern)


def _binding(
    rule: http_pb2.HttpRule, method: MethodDescriptor, source: str, index: int, faults: list[Fault]
) -> Iterator[Binding]:
    http_method, path = pattern_of(rule)
    if not path and not http_method:
        # A rule without a pattern binds nothing; it is how a YAML takes a binding away.
        if index:
            _fault(faults, source, method, "an additional binding needs a pattern, such as 'get'")
        return
    if not http_method:
        _fault(faults, source, method, "a custom pattern needs a 'kind', such as 'HEAD' or '*'")
        return
    if not _KIND.match(http_method):
        problem = f"the kind {http_method!r} is no HTTP method: it should be one word, or '*'"
        _fault(faults, source, method, problem, 1)
        return
    try:
        template = parse_template(path)
    except TemplateSyntaxError as error:
        _fault(faults, source, method, f"{error.problem} (in {path!r})", error.column)
        return
    before = len(faults)
    _check_variables(template, method, source, faults)
    _check_body(rule.body, template, method, source, faults)
    if rule.response_body and rule.response_body not in method.output_type.fields_by_name:
        problem = f"response_body {rule.response_body!r} is no top-level field of "
        _fault(faults, source, method, problem + method.output_type.full_name, 1)
    if len(faults) == before:
        yield Binding(
            method=method,
            http_method=http_method,
            template=template,
            body=rule.body,
            response_body=rule.response_body,
            source=source,
            index=index,
        )


def _check_variables(
    template: PathTemplate, method: MethodDescriptor, source: str, faults: list[Fault]
) -> None:
    for variable in template.variables:
        message: Descriptor | None = method.input_type
        field: FieldDescriptor | None = None
        column = variable.column
        for name in variable.field_path.split("."):
            if field is not None and is_repeated(field):
                break
            field = message.fields_by_name.get(name) if message else None
            if field is None:
                within = message.full_name if message else "a field that is no message"
                problem = f"the path variable {variable.field_path!r} names no field: {within} has "
                _fault(faults, source, method, f"{problem}no {name!r}", column)
                break
            message = field.message_type
            column += len(name) + 1
        if field is None:
            continue
        if is_repeated(field):
            problem = (
                f"the path variable {variable.field_path!r} is repeated: a path holds one value"
            )
            _fault(faults, source, method, problem, variable.column)
        elif field.message_type and not _is_scalar_like(field.message_type):
            problem = (
                f"the path variable {variable.field_path!r} is a message: bind one of its fields"
            )
            _fault(faults, source, method, problem, variable.column)


def _is_scalar_like(message: Descriptor) -> bool:
    # Wrappers, timestamps and their like are written as one JSON string or number.
    return message.full_name in {
        "google.protobuf.Timestamp",
        "google.protobuf.Duration",
        "google.protobuf.FieldMask",
    } or (message.file.name == "google/protobuf/wrappers.proto")


def _check_body(
    body: str, template: PathTemplate, method: MethodDescriptor, source: str, faults: list[Fault]
) -> None:
    if body in {"", "*"}:
        return
    if body not in method.input_type.fields_by_name:
        problem = f"body {body!r} is no top-level field of {method.input_type.full_name}"
        _fault(faults, source, method, f"{problem}, nor '*'", 1)
    elif any(variable.field_path == body for variable in template.variables):
        _fault(faults, source, method, f"body {body!r} is bound by the path as well", 1)


def _fault(
    faults: list[Fault],
    source: str,
    method: MethodDescriptor,
    problem: str,
    column: int | None = None,
) -> None:
    faults.append(Fault(source=source, selector=method.full_name, problem=problem, column=column))
