"""One operation of a document: the parameters, body and replies of one binding.

Spec: OpenAPI 3.1, Operation Object.
"""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from grpc_transcoding.bindings.binding import Binding
from grpc_transcoding.bindings.rule_set import MethodPolicy
from grpc_transcoding.messages.fields import is_map, is_repeated
from grpc_transcoding.messages.parameters import resolve
from grpc_transcoding.messages.request_body import HTTP_BODY
from grpc_transcoding.messages.values import is_textual_message
from grpc_transcoding.openapi.paths import DocumentedPath, PathParameter
from grpc_transcoding.openapi.schemas import Schema, Schemas

# Messages inside messages are query parameters with dotted names, down to here.
_QUERY_DEPTH = 3
_ANYTHING: Schema = {"type": "string", "minLength": 1}


def operation_of(
    binding: Binding, path: DocumentedPath, policy: MethodPolicy, schemas: Schemas
) -> Schema:
    """Returns the operation of a binding."""
    method = binding.method
    bound = {variable.field_path for variable in binding.template.variables}
    parameters = [_path_parameter(parameter, binding, schemas) for parameter in path.parameters]
    if binding.body != "*":
        parameters.extend(_query_parameters(method.input_type, bound, binding.body, schemas))
    service = method.containing_service
    suffix = f"_{binding.index + 1}" if binding.index else ""
    operation: Schema = {
        "operationId": f"{service.name}_{method.name}{suffix}",
        "tags": [service.full_name],
        "x-grpc-method": binding.selector,
        "responses": {
            "200": {"description": "OK", "content": _reply(binding, schemas)},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if binding.body:
        operation["requestBody"] = {"content": _body(binding, bound, schemas)}
    if method.GetOptions().deprecated:
        operation["deprecated"] = True
    if policy.scopes is not None:
        operation["security"] = [{"oauth2": list(scopes)} for scopes in policy.scopes]
    return operation


def _path_parameter(parameter: PathParameter, binding: Binding, schemas: Schemas) -> Schema:
    schema = _ANYTHING
    variable = parameter.variable
    described: Schema = {"name": parameter.name, "in": "path", "required": True}
    if variable is not None:
        field = resolve(binding.method.input_type, variable.field_path).field
        if parameter.is_whole and field.type != FieldDescriptor.TYPE_STRING:
            schema = schemas.of_field(field)
        described["description"] = f"Part of `{variable.field_path}`."
    if parameter.holds_slashes:
        described["description"] = "One or more segments: it may hold slashes, or be left out."
        described["x-holds-slashes"] = True
    described["schema"] = schema
    return described


def _query_parameters(
    message: Descriptor,
    bound: set[str],
    body: str,
    schemas: Schemas,
    parents: tuple[FieldDescriptor, ...] = (),
) -> Iterator[Schema]:
    for field in message.fields:
        names = [*(parent.name for parent in parents), field.name]
        if ".".join(names) in bound or (not parents and field.name == body):
            continue
        name = ".".join([*(parent.json_name for parent in parents), field.json_name])
        is_entered = field.message_type is not None and not is_textual_message(field)
        if is_map(field):
            value = field.message_type.fields_by_name["value"] if field.message_type else None
            if value is not None and (value.message_type is None or is_textual_message(value)):
                yield {
                    "name": name,
                    "in": "query",
                    "style": "deepObject",
                    "explode": True,
                    "schema": schemas.of_field(field),
                }
        elif is_entered and not is_repeated(field):
            if field.message_type is not None and len(parents) < _QUERY_DEPTH - 1:
                further = (*parents, field)
                yield from _query_parameters(field.message_type, bound, body, schemas, further)
        elif not is_entered:
            yield {"name": name, "in": "query", "schema": schemas.of_field(field)}


def _body(binding: Binding, bound: set[str], schemas: Schemas) -> Schema:
    method = binding.method
    message: Descriptor | None = method.input_type
    if binding.body == "*":
        schema = _without_bound(method.input_type, bound, schemas)
    else:
        field = method.input_type.fields_by_name[binding.body]
        message = None if is_repeated(field) else field.message_type
        prefix = binding.body + "."
        inside = {name.removeprefix(prefix) for name in bound if name.startswith(prefix)}
        if message is not None and inside:
            schema = _without_bound(message, inside, schemas)
        else:
            schema = schemas.of_field(field)
    if message is not None and message.full_name == HTTP_BODY:
        return {"*/*": {"schema": {}}}
    if method.client_streaming:
        return {
            "application/json": {"schema": {"type": "array", "items": schema}},
            "application/x-ndjson": {"schema": schema},
        }
    return {"application/json": {"schema": schema}}


def _without_bound(message: Descriptor, bound: set[str], schemas: Schemas) -> Schema:
    # What the path binds may be repeated in the body, but only with the same value: leave it out.
    top = {name for name in bound if "." not in name}
    return schemas.of_fields(message, top) if top else schemas.of_message(message)


def _reply(binding: Binding, schemas: Schemas) -> Schema:
    method = binding.method
    message: Descriptor | None = method.output_type
    schema = None
    if binding.response_body:
        field = method.output_type.fields_by_name[binding.response_body]
        message = None if is_repeated(field) else field.message_type
        schema = schemas.of_field(field)
    if message is not None and message.full_name == HTTP_BODY:
        return {"*/*": {"schema": {}}}
    if schema is None:
        schema = schemas.of_message(method.output_type)
    if method.server_streaming:
        error: Schema = {"$ref": "#/components/schemas/Error"}
        element: Schema = {"anyOf": [schema, error]}
        return {
            "application/json": {"schema": {"type": "array", "items": element}},
            "application/x-ndjson": {"schema": element},
            "text/event-stream": {"schema": element},
        }
    return {"application/json": {"schema": schema}}
