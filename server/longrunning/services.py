"""Services: which methods a front door has, and which operations are behind it.

Spec: google/api/service.proto
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from google.api import http_pb2, service_pb2

from grpc_transcoding import Fault, ServiceConfig, ServiceConfigError, load_service_config
from longrunning.errors import Unimplemented
from longrunning.names import NameFormat

OPERATIONS = "google.longrunning.Operations"
"""The interface that every service has which starts operations."""

ServiceFile: TypeAlias = str | Path | service_pb2.Service | ServiceConfig
"""A `google.api.Service`: the name of a shipped file, a path, a message, or what was read."""

_METHODS = frozenset(
    f"{verb}Operation{'s' if verb == 'List' else ''}"
    for verb in ("List", "Get", "Delete", "Cancel", "Wait")
)
_SHIPPED = Path(__file__).parent / "service_configs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One front door.

    Attributes:
        name: such as `dataproc.googleapis.com`; None for the door that shows everything.
        apis: the full names of the interfaces whose methods start operations behind this door.
        methods: the methods of `google.longrunning.Operations` that it offers, by short name.
        name_format: how it writes the names of operations.
        filter_aliases: short names that its filters understand, each a path into the operation.
        config: the file that says all this, None for the door that shows everything.
    """

    name: str | None = None
    apis: frozenset[str] = frozenset()
    methods: frozenset[str] = _METHODS
    name_format: NameFormat = field(default_factory=NameFormat)
    filter_aliases: Mapping[str, str] = field(default_factory=dict)
    config: ServiceConfig | None = None

    def require(self, method: str) -> None:
        """Refuses a method that the service leaves out.

        Raises:
            Unimplemented: the service has no such method.
        """
        if method not in self.methods:
            raise Unimplemented(
                f"{self.name} does not offer {method}.",
                reason="METHOD_NOT_OFFERED",
                metadata={"service": self.name or "", "method": method},
            )


def service_of(
    config: ServiceFile,
    *,
    name_format: str,
    filter_aliases: Mapping[str, str],
) -> Service:
    """Reads a service from its file: it offers the methods that have an HTTP rule there.

    Args:
        config: the name of a file that is shipped, a path, or a message.
        name_format: see `NameFormat`.
        filter_aliases: see `Service`.

    Raises:
        ServiceConfigError: the file cannot be read.
        ValueError: it names no service, or the name format is wrong.
    """
    read = load_service_config(find_service_config(config))
    if not read.name:
        raise ValueError(f"{read.source} has no name: a service is told apart by it")
    return Service(
        name=read.name,
        apis=frozenset(read.apis) - {OPERATIONS},
        methods=_bound_by(read),
        name_format=NameFormat(name_format),
        filter_aliases=dict(filter_aliases),
        config=read,
    )


def required_scopes(
    configs: Iterable[ServiceFile],
) -> Callable[[str], tuple[tuple[str, ...], ...] | None]:
    """Returns what says which OAuth scopes a method needs, by its selector.

    It returns sets of scopes, any one of which suffices: none where no credential is needed, and an
    empty one where any will do; or None where no `authentication.rules` speak of the method. As
    everywhere, the last rule that speaks of it holds, and a later file overrides an earlier one.

    Raises:
        ServiceConfigError: a file cannot be read, or has a fault: its method would be open.
    """
    read = [load_service_config(find_service_config(config)) for config in configs]
    faults = [fault for config in read for fault in (*config.faults, *_scope_faults(config))]
    if faults:
        raise ServiceConfigError(faults)

    @functools.lru_cache(maxsize=1024)  # methods that nobody has are asked for, too
    def needed(selector: str) -> tuple[tuple[str, ...], ...] | None:
        found = (config.scopes(selector) for config in reversed(read))
        return next((scopes for scopes in found if scopes is not None), None)

    return needed


def _scope_faults(config: ServiceConfig) -> Iterator[Fault]:
    """Finds scopes that are missing: "" means any token, but `,` or a blank hardly do."""
    for rule in config.authentication_rules:
        column, scopes = 1, rule.oauth.canonical_scopes
        for scope in scopes.split(",") if scopes else ():
            if not scope.strip():
                yield Fault(
                    source=config.source,
                    selector=rule.selector,
                    problem=f"canonical_scopes is {scopes!r}, with an empty scope: expected scopes "
                    "with a comma between them; leave it out where any token will do",
                    column=column,
                )
                break
            column += len(scope) + 1


def left_out(configs: Iterable[ServiceFile]) -> list[http_pb2.HttpRule]:
    """Returns rules that take the paths away from the methods that the files leave out.

    The annotations of operations.proto are for services that say nothing of their operations: if
    any of the files binds a method, the methods that it does not bind have no path.

    Raises:
        ServiceConfigError: a file cannot be read.
    """
    bound = set().union(*(_bound_by(load_service_config(find_service_config(c))) for c in configs))
    missing = sorted(_METHODS - bound) if bound else []
    return [http_pb2.HttpRule(selector=f"{OPERATIONS}.{method}") for method in missing]


def _bound_by(config: ServiceConfig) -> frozenset[str]:
    selectors = {rule.selector for rule in config.http_rules}
    return frozenset(method for method in _METHODS if f"{OPERATIONS}.{method}" in selectors)


def find_service_config(config: ServiceFile) -> Path | service_pb2.Service | ServiceConfig:
    """Returns a service file by name or path; a message, or what was read, is returned as it is.

    A plain word is the name of a file that is shipped, `operations_v1`; everything else is a path.
    """
    if isinstance(config, service_pb2.Service | ServiceConfig):
        return config
    path = Path(config)
    if len(path.parts) == 1 and not path.suffix:
        return _SHIPPED / f"{path}.yaml"
    return path
