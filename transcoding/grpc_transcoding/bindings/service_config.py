"""Service configuration: a `google.api.Service` as YAML or as a message.

Only what a transcoder acts on is read: `http`, `authentication`, `apis`, `backend`. The rest of a
published file (documentation, quotas, publishing) is left alone, whatever version it is written
for.

Spec: google/api/service.proto, http.proto, auth.proto, backend.proto.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from google.api import auth_pb2, backend_pb2, http_pb2, service_pb2
from google.protobuf import json_format, message

from grpc_transcoding.bindings.faults import Fault, ServiceConfigError
from grpc_transcoding.bindings.yaml_file import YamlError, load_yaml

M = TypeVar("M", bound=message.Message)
# The rest of a published file is left alone, mistakes included.
_SECTIONS = frozenset({"apis", "authentication", "backend", "http"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """The parts of one `google.api.Service` that bind methods to HTTP.

    Attributes:
        source: The name of the file, for faults.
        name: The service's name (`scanner.example.com`), or an empty string.
        title: What people call it, or an empty string.
        http_rules: In the order of the file.
        apis: The names of the interfaces that the file exposes; empty when it does not say.
        authentication_rules: In the order of the file.
        backend_rules: In the order of the file.
        fully_decode_reserved_expansion: Whether multi-segment captures decode `%2F` as well.
        faults: What of the file could not be read.
    """

    source: str
    name: str = ""
    title: str = ""
    http_rules: tuple[http_pb2.HttpRule, ...] = ()
    apis: tuple[str, ...] = ()
    authentication_rules: tuple[auth_pb2.AuthenticationRule, ...] = ()
    backend_rules: tuple[backend_pb2.BackendRule, ...] = ()
    fully_decode_reserved_expansion: bool = False
    faults: tuple[Fault, ...] = ()

    def scopes(self, selector: str) -> tuple[tuple[str, ...], ...] | None:
        """Returns the alternatives of OAuth scopes for a method, or None if no rule names it.

        Each alternative is a set of scopes that a caller may hold to be let in; there is none where
        no credential is needed, and an empty one where any will do. The last rule that matches
        holds.
        """
        for rule in reversed(self.authentication_rules):
            if selects(rule.selector, selector):
                if rule.allow_without_credential:
                    return ()
                named = (scope.strip() for scope in rule.oauth.canonical_scopes.split(","))
                return tuple((scope,) for scope in named if scope) or ((),)
        return None

    def deadline(self, selector: str) -> float | None:
        """Returns how many seconds the backend has for a method, or None if no rule says."""
        for rule in reversed(self.backend_rules):
            if (
                rule.deadline > 0
                and math.isfinite(rule.deadline)
                and selects(rule.selector, selector)
            ):
                return float(rule.deadline)
        return None


def selects(pattern: str, selector: str) -> bool:
    """Says whether a rule's selector (`*`, `pkg.Service.*`, or a comma list) names a method."""
    for part in pattern.split(","):
        name = part.strip()
        if name in {"*", selector} or (name.endswith(".*") and selector.startswith(name[:-1])):
            return True
    return False


ServiceFile: TypeAlias = str | Path | service_pb2.Service | ServiceConfig
"""A service configuration: the path of a YAML file, a message, or what was read of one of these."""


def load_service_config(config: ServiceFile) -> ServiceConfig:
    """Reads a service configuration.

    Args:
        config: The path of a YAML file, or a message; what was read before is returned as it is.

    Raises:
        ServiceConfigError: The file cannot be read, or is not YAML, or is no service file.
    """
    if isinstance(config, ServiceConfig):
        return config
    if isinstance(config, service_pb2.Service):
        return _from_message(config)
    path = Path(config)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8"
        raise _refused(path.name, f"the file {str(path)!r} cannot be read: {why}") from error
    try:
        document, repeated = load_yaml(text, _SECTIONS)
    except YamlError as error:
        raise _refused(path.name, str(error)) from error
    if not isinstance(document, dict):
        raise _refused(path.name, "a service file is a mapping with 'type: google.api.Service'")
    kind = document.get("type", "google.api.Service")
    if kind != "google.api.Service":
        raise _refused(path.name, f"'type' is {kind!r}, it should be 'google.api.Service'")
    faults = [
        Fault(
            source=path.name,
            selector="",
            problem=f"line {found.line} holds {found.key!r}, which its mapping holds already",
            column=found.column,
        )
        for found in repeated
    ]
    return _from_document(path.name, document, faults)


def _refused(source: str, problem: str) -> ServiceConfigError:
    return ServiceConfigError([Fault(source=source, selector="", problem=problem)])


def _from_message(config: service_pb2.Service) -> ServiceConfig:
    return ServiceConfig(
        source=config.name or "google.api.Service",
        name=config.name,
        title=config.title,
        http_rules=tuple(config.http.rules),
        apis=tuple(api.name for api in config.apis),
        authentication_rules=tuple(config.authentication.rules),
        backend_rules=tuple(config.backend.rules),
        fully_decode_reserved_expansion=config.http.fully_decode_reserved_expansion,
    )


def _from_document(
    source: str, document: Mapping[str, object], faults: list[Fault]
) -> ServiceConfig:
    http = _mapping(document, "http", source, faults)
    return ServiceConfig(
        source=source,
        name=str(document.get("name") or ""),
        title=str(document.get("title") or ""),
        http_rules=_rules(http, http_pb2.HttpRule, "http.rules", source, faults),
        apis=_apis(document, source, faults),
        authentication_rules=_rules(
            _mapping(document, "authentication", source, faults),
            auth_pb2.AuthenticationRule,
            "authentication.rules",
            source,
            faults,
        ),
        backend_rules=_rules(
            _mapping(document, "backend", source, faults),
            backend_pb2.BackendRule,
            "backend.rules",
            source,
            faults,
        ),
        fully_decode_reserved_expansion=http.get("fully_decode_reserved_expansion") is True,
        faults=tuple(faults),
    )


def _apis(document: Mapping[str, object], source: str, faults: list[Fault]) -> tuple[str, ...]:
    names = []
    for index, api in enumerate(_sequence(document, "apis", source, faults)):
        name = api.get("name") if isinstance(api, dict) else api
        if not isinstance(api, dict) or not isinstance(name, str):
            problem = f"apis[{index}] should be a mapping with a 'name', which is text"
            faults.append(Fault(source=source, selector="", problem=problem))
        # Even so the file says that not everything is exposed.
        names.append(str(name))
    return tuple(names)


def _mapping(
    document: Mapping[str, object], key: str, source: str, faults: list[Fault]
) -> Mapping[str, object]:
    value = document.get(key)
    if isinstance(value, dict):
        return value
    if value is not None:
        faults.append(Fault(source=source, selector="", problem=f"{key!r} should be a mapping"))
    return {}


def _sequence(
    document: Mapping[str, object], key: str, source: str, faults: list[Fault], place: str = ""
) -> Sequence[object]:
    value = document.get(key)
    if isinstance(value, list):
        return value
    if value is not None:
        problem = f"{place or key!r} should be a sequence"
        faults.append(Fault(source=source, selector="", problem=problem))
    return ()


def _rules(
    document: Mapping[str, object],
    rule_class: type[M],
    place: str,
    source: str,
    faults: list[Fault],
) -> tuple[M, ...]:
    rules = []
    for index, entry in enumerate(_sequence(document, "rules", source, faults, place)):
        selector = str(entry.get("selector", "")) if isinstance(entry, dict) else ""
        try:
            rules.append(json_format.ParseDict(cast(Any, entry), rule_class()))
        except json_format.ParseError:
            problem = (
                f"{place}[{index}] is no {rule_class.DESCRIPTOR.full_name}{_why(entry, rule_class)}"
            )
            faults.append(Fault(source=source, selector=selector, problem=problem))
    return tuple(rules)


def _why(entry: object, rule_class: type[message.Message]) -> str:
    if not isinstance(entry, dict):
        return ": it should be a mapping"
    known = {name for f in rule_class.DESCRIPTOR.fields for name in (f.name, f.json_name)}
    unknown = sorted(str(key) for key in entry if key not in known)
    if unknown:
        return f": it has no field {', '.join(unknown)}"
    return ": a value has the wrong type"
