"""The document: paths, schemas, the error of every operation, the scopes of the service files.

Spec: OpenAPI 3.1.1; AIP-193 (the error).
"""

from __future__ import annotations

from dataclasses import replace

from grpc_transcoding.assembly import Assembly
from grpc_transcoding.bindings.binding import Binding
from grpc_transcoding.openapi.operations import operation_of
from grpc_transcoding.openapi.paths import DocumentedPath, documented_path
from grpc_transcoding.openapi.schemas import Schema, Schemas

# What OpenAPI has a place for; of a binding of `*`, these are documented.
_METHODS = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE")
_ANY_METHOD = ("GET", "PUT", "POST", "DELETE", "PATCH")

_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status."},
                "message": {"type": "string"},
                "status": {"type": "string", "description": "A name of google.rpc.Code."},
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["@type"],
                        "properties": {"@type": {"type": "string"}},
                    },
                },
            },
        }
    },
}


def openapi_document(
    assembly: Assembly,
    *,
    server_url: str = "/",
    version: str = "",
    authorization_url: str = "https://accounts.google.com/o/oauth2/auth",
    token_url: str = "https://oauth2.googleapis.com/token",  # noqa: S107 - an address, no password
    proto_names: bool = False,
    enums_as_numbers: bool = False,
) -> Schema:
    """Returns the OpenAPI document of a service.

    Args:
        assembly: The service.
        server_url: Where it is served: the prefix of its mount.
        version: Of the service.
        authorization_url: Of the OAuth scopes, if the service files name any.
        token_url: Likewise.
        proto_names: Whether replies have `snake_case` names.
        enums_as_numbers: Whether replies have numbers for enums.
    """
    schemas = Schemas(proto_names=proto_names, enums_as_numbers=enums_as_numbers)
    paths: dict[str, dict[str, object]] = {}
    by_shape: dict[str, DocumentedPath] = {}
    # `*` before `**`: the more specific one is documented where OpenAPI sees only one path.
    for binding in sorted(assembly.router.bindings, key=_breadth):
        path = by_shape.setdefault(
            (own := documented_path(binding.template)).shape,
            own,
        )
        item = paths.setdefault(path.text, {})
        policy = assembly.rules.policies[binding.selector]
        for http_method in _methods_of(binding):
            if http_method in item:
                continue
            operation = operation_of(binding, _named_as(own, path), policy, schemas)
            if binding.http_method == "*":
                operation["operationId"] = f"{operation['operationId']}_{http_method}"
            item[http_method] = operation
    components: dict[str, object] = {
        "schemas": {**dict(sorted(schemas.components.items())), "Error": _ERROR},
        "responses": {
            "Error": {
                "description": "Any failure.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            }
        },
    }
    if scopes := _scopes(assembly):
        flow = {"authorizationUrl": authorization_url, "tokenUrl": token_url, "scopes": scopes}
        components["securitySchemes"] = {
            "oauth2": {"type": "oauth2", "flows": {"authorizationCode": flow}}
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": assembly.title or assembly.name or "gRPC services over HTTP",
            "version": version or "unversioned",
        },
        "servers": [{"url": server_url}],
        "paths": {text: item for text, item in sorted(paths.items()) if item},
        "components": components,
    }


def _breadth(binding: Binding) -> bool:
    return binding.template.many_index is not None


def _methods_of(binding: Binding) -> list[str]:
    methods = _ANY_METHOD if binding.http_method == "*" else (binding.http_method,)
    return [method.lower() for method in methods if method in _METHODS]


def _named_as(own: DocumentedPath, path: DocumentedPath) -> DocumentedPath:
    """Returns a binding's own path with the names that its path has in the document."""
    if own.text == path.text:
        return own

    return replace(
        path,
        parameters=tuple(
            replace(mine, name=theirs.name)
            for mine, theirs in zip(own.parameters, path.parameters, strict=True)
        ),
    )


def _scopes(assembly: Assembly) -> dict[str, str]:
    scopes = {
        scope
        for policy in assembly.rules.policies.values()
        for alternative in policy.scopes or ()
        for scope in alternative
    }
    return dict.fromkeys(sorted(scopes), "")
