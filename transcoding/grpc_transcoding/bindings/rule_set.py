"""All bindings of one service: from annotations, service files and code, in order of precedence.

A rule from code overrides one from a file, which overrides the annotation of the same selector;
a later file overrides an earlier one, and within a file the last rule for a selector wins.

Spec: google/api/http.proto, Http; google/api/service.proto, Service.apis.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import MethodDescriptor

from grpc_transcoding.bindings.binding import Binding
from grpc_transcoding.bindings.faults import Fault
from grpc_transcoding.bindings.http_rules import bindings_of
from grpc_transcoding.bindings.service_config import ServiceConfig, selects

_BESIDE = (
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodPolicy:
    """What the service files say of a method beside its paths.

    Attributes:
        scopes: The alternatives of OAuth scopes that let a caller in; empty when no credential is
            needed; None when no file says.
        deadline: How many seconds a call may take, or None.
    """

    scopes: tuple[tuple[str, ...], ...] | None = None
    deadline: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """What is bound, and what was wrong with the rest.

    Attributes:
        bindings: In the order of the methods.
        policies: By selector, for every method that is exposed.
        hidden: Selectors of methods that `apis` leaves out.
        faults: Everything that is wrong.
    """

    bindings: tuple[Binding, ...]
    policies: dict[str, MethodPolicy]
    hidden: tuple[str, ...]
    faults: tuple[Fault, ...]


def collect_rules(
    methods: Sequence[MethodDescriptor],
    configs: Sequence[ServiceConfig] = (),
    code_rules: Iterable[http_pb2.HttpRule] = (),
) -> RuleSet:
    """Finds the bindings of the methods that a service offers.

    Args:
        methods: Every method that can be called.
        configs: The service files, in order.
        code_rules: Rules with selectors, which override all others.
    """
    faults = [fault for config in configs for fault in config.faults]
    known = {method.full_name: method for method in methods}
    overriding: dict[str, tuple[http_pb2.HttpRule, str]] = {}
    for config in configs:
        for rule in config.http_rules:
            _override(overriding, rule, config.source, known, faults)
    for rule in code_rules:
        _override(overriding, rule, "code", known, faults)
    for config in configs:
        _check_authentication(config, known, faults)

    bindings: list[Binding] = []
    policies: dict[str, MethodPolicy] = {}
    hidden: list[str] = []
    for selector, method in known.items():
        if not _is_exposed(method, configs):
            hidden.append(selector)
            continue
        policies[selector] = _policy(selector, configs)
        if selector in overriding:
            rule, source = overriding[selector]
            bindings.extend(bindings_of(rule, method, source, faults))
        elif annotation := annotation_of(method):
            source = f"annotation in {method.containing_service.file.name}"
            bindings.extend(bindings_of(annotation, method, source, faults))
    return RuleSet(
        bindings=tuple(bindings), policies=policies, hidden=tuple(hidden), faults=tuple(faults)
    )


def annotation_of(method: MethodDescriptor) -> http_pb2.HttpRule | None:
    """Returns the `google.api.http` annotation of a method, or None."""
    # A method of another descriptor pool may have options of that pool's own class.
    options = descriptor_pb2.MethodOptions.FromString(method.GetOptions().SerializeToString())
    if not options.HasExtension(annotations_pb2.http):
        return None
    rule = http_pb2.HttpRule()
    rule.CopyFrom(options.Extensions[annotations_pb2.http])
    return rule


def _override(
    overriding: dict[str, tuple[http_pb2.HttpRule, str]],
    rule: http_pb2.HttpRule,
    source: str,
    known: dict[str, MethodDescriptor],
    faults: list[Fault],
) -> None:
    if rule.selector in known:
        overriding[rule.selector] = (rule, source)
        return
    faults.append(_names_nothing(source, rule.selector, known))


def _check_authentication(
    config: ServiceConfig, known: dict[str, MethodDescriptor], faults: list[Fault]
) -> None:
    """Finds rules of authentication that name no method, and so leave open what they are for.

    They may speak of interfaces that the file lists, though nobody has added them, and of health
    and reflection, which stand beside the transcoded services.
    """
    added = {method.containing_service.full_name for method in known.values()}
    elsewhere = {*config.apis, *_BESIDE} - added
    for rule in config.authentication_rules:
        for part in rule.selector.split(","):
            name = part.strip()
            others = (f"{interface}.{name.rpartition('.')[2]}" for interface in elsewhere)
            if not any(selects(name, each) for each in (*known, *others)):
                nameable = (*known, *(f"{interface}.*" for interface in added))
                faults.append(_names_nothing(config.source, name, nameable))
        # A scope holds no blanks (RFC 6749, section 3.3): without its comma nobody would have it.
        if gap := re.search(r"[^\s,](\s+)[^\s,]", rule.oauth.canonical_scopes):
            faults.append(
                Fault(
                    source=config.source,
                    selector=rule.selector,
                    problem="canonical_scopes are to be separated by commas",
                    column=gap.start(1) + 1,
                )
            )


def _names_nothing(source: str, selector: str, nameable: Iterable[str]) -> Fault:
    if not selector:
        problem = "a rule needs a selector: the full name of a method, 'pkg.Service.Method'"
        return Fault(source=source, selector="(none)", problem=problem)
    close = difflib.get_close_matches(selector, nameable, n=1, cutoff=0.9)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    problem = f"no service that was added has this method{hint}"
    return Fault(source=source, selector=selector, problem=problem)


def _is_exposed(method: MethodDescriptor, configs: Sequence[ServiceConfig]) -> bool:
    # A file that lists no apis says nothing about them; it exposes what its own rules name.
    if not any(config.apis for config in configs):
        return True
    interface = method.containing_service.full_name
    return any(
        interface in config.apis
        or (not config.apis and any(r.selector == method.full_name for r in config.http_rules))
        for config in configs
    )


def _policy(selector: str, configs: Sequence[ServiceConfig]) -> MethodPolicy:
    scopes, deadline = None, None
    for config in configs:
        found = config.scopes(selector)
        scopes = scopes if found is None else found
        found_deadline = config.deadline(selector)
        deadline = deadline if found_deadline is None else found_deadline
    return MethodPolicy(scopes=scopes, deadline=deadline)
