"""The parameters that every method of every Google API takes.

A name without `$` is a system parameter unless the request has a field of that name.

Spec: https://cloud.google.com/apis/docs/system-parameters.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

import grpc

from grpc_transcoding.errors import (
    MisplacedCredentialError,
    TranscodingError,
    invalid_argument,
    shortened,
)


class Alt(enum.Enum):
    """The representation that `alt` asks for."""

    JSON = "json"
    PROTO = "proto"
    SSE = "sse"
    MEDIA = "media"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemParameters:
    """What the system parameters of one request say.

    Attributes:
        alt: The representation of the reply.
        enums_as_numbers: `alt=json;enum-encoding=int`.
        fields: The mask of the reply, as written; empty is everything.
        pretty: Whether the reply is indented.
        metadata: What is handed to the method: API key, quota user, API version, token.
    """

    alt: Alt = Alt.JSON
    enums_as_numbers: bool = False
    fields: str = ""
    pretty: bool = False
    metadata: tuple[tuple[str, str], ...] = ()


NO_SYSTEM_PARAMETERS = SystemParameters()

_CREDENTIALS = {
    "key": "x-goog-api-key",
    "quotaUser": "x-goog-quota-user",
    "access_token": "authorization",
}
_PLAIN = frozenset({"alt", "fields", "prettyPrint", "apiVersion", *_CREDENTIALS})
_NAMES = frozenset({*_PLAIN, *(f"${name}" for name in _PLAIN), "$.xgafv"})


def split_parameters(
    parameters: list[tuple[str, str]],
    request_fields: Collection[str],
    *,
    allow_credentials: bool,
) -> tuple[SystemParameters, list[tuple[str, str]]]:
    """Separates the system parameters of a query from those of the method.

    Args:
        parameters: Names and values, decoded.
        request_fields: Names of the request's fields.
        allow_credentials: Whether `key`, `quotaUser` and `access_token` are taken from the query,
            where proxies and logs see them.

    Raises:
        TranscodingError: One is given twice, or has a value that is not defined.
    """
    system: dict[str, str] = {}
    others = []
    for name, value in parameters:
        if name not in _NAMES or (name in request_fields):
            others.append((name, value))
            continue
        plain = name.removeprefix("$")
        if plain in system:
            raise _invalid(plain, f"the system parameter {plain!r} is given more than once")
        system[plain] = value
    if not system:
        return NO_SYSTEM_PARAMETERS, others
    return _parsed(system, allow_credentials), others


def _parsed(system: dict[str, str], allow_credentials: bool) -> SystemParameters:
    alt, enums_as_numbers = _alt(system.get("alt", "json"))
    metadata = []
    for name, key in _CREDENTIALS.items():
        if name not in system:
            continue
        if not allow_credentials:
            raise MisplacedCredentialError(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"{name!r} is not taken from the query, where logs keep it: send {key!r}",
                reason="CREDENTIAL_IN_QUERY",
                metadata={"parameter": name, "header": key},
            )
        value = system[name]
        if not (value.isascii() and value.isprintable()):
            raise _invalid(name, f"{name!r} should be printable ASCII")
        metadata.append((key, f"Bearer {value}" if name == "access_token" else value))
    if "apiVersion" in system:
        version = system["apiVersion"]
        if not (version.isascii() and version.isprintable()):
            raise _invalid("apiVersion", "'apiVersion' should be printable ASCII")
        metadata.append(("x-goog-api-version", version))
    return SystemParameters(
        alt=alt,
        enums_as_numbers=enums_as_numbers,
        fields=system.get("fields", ""),
        pretty=_boolean("prettyPrint", system.get("prettyPrint", "false")),
        metadata=tuple(metadata),
    )


def _alt(text: str) -> tuple[Alt, bool]:
    name, semicolon, option = text.partition(";")
    if semicolon and (name not in {"json", "sse"} or option != "enum-encoding=int"):
        name = ""
    try:
        return Alt(name), bool(semicolon)
    except ValueError:
        known = "json, json;enum-encoding=int, proto, sse or media"
        raise _invalid("alt", f"'alt' is {shortened(text)!r}, it should be {known}") from None


def _boolean(name: str, text: str) -> bool:
    if text not in {"true", "false", ""}:
        raise _invalid(name, f"{name!r} is {shortened(text)!r}, it should be true or false")
    return text == "true"


def _invalid(name: str, message: str) -> TranscodingError:
    return invalid_argument(message, reason="INVALID_SYSTEM_PARAMETER", parameter=name)
