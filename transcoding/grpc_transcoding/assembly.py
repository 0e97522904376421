"""From methods and rules to a router: what a Transcoder, its routes and its OpenAPI are made of."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from google.api import http_pb2

from grpc_transcoding.bindings.faults import Fault, ServiceConfigError
from grpc_transcoding.bindings.router import Router
from grpc_transcoding.bindings.rule_set import RuleSet, collect_rules
from grpc_transcoding.bindings.service_config import ServiceConfig
from grpc_transcoding.calls.servicers import RpcMethod
from grpc_transcoding.path_templates import Unescape

_log = logging.getLogger("grpc_transcoding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """One service, put together.

    Attributes:
        methods: By selector.
        rules: What is bound, before duplicates are taken out.
        router: What is bound.
        faults: Everything that is wrong with the rules.
        configs: The service files.
    """

    methods: dict[str, RpcMethod]
    rules: RuleSet
    router: Router
    faults: tuple[Fault, ...]
    configs: tuple[ServiceConfig, ...]

    @property
    def name(self) -> str:
        """The service's name, from its first file that has one, or an empty string."""
        return next((config.name for config in self.configs if config.name), "")

    @property
    def title(self) -> str:
        """What people call the service, or an empty string."""
        return next((config.title for config in self.configs if config.title), "")


def assemble(
    methods: Iterable[RpcMethod],
    configs: Sequence[ServiceConfig],
    http_rules: Iterable[http_pb2.HttpRule] = (),
    *,
    strict: bool,
    unescape: Unescape = Unescape.ALL_BUT_SLASH,
) -> Assembly:
    """Puts a service together.

    Args:
        methods: Every method that can be called.
        configs: The service files.
        http_rules: Rules from code.
        strict: Refuse faulty rules; otherwise they are skipped and logged.
        unescape: What a multi-segment capture decodes, unless a service file says otherwise.

    Raises:
        ServiceConfigError: The rules have faults, and `strict`.
    """
    by_selector = {str(method.descriptor.full_name): method for method in methods}
    rules = collect_rules([m.descriptor for m in by_selector.values()], configs, http_rules)
    fully = any(config.fully_decode_reserved_expansion for config in configs)
    router = Router(unescape=Unescape.ALL if fully else unescape)
    faults = (*rules.faults, *router.add_all(rules.bindings))
    if faults and strict:
        raise ServiceConfigError(faults)
    for fault in faults:
        _log.warning("skipped: %s", fault)
    return Assembly(
        methods=by_selector, rules=rules, router=router, faults=faults, configs=tuple(configs)
    )


def services_named_by(configs: Sequence[ServiceConfig]) -> tuple[str, ...]:
    """Returns the names of the services that service files speak of."""
    names = dict.fromkeys(api for config in configs for api in config.apis)
    for config in configs:
        names.update(dict.fromkeys(rule.selector.rpartition(".")[0] for rule in config.http_rules))
    return tuple(names)
