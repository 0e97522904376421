"""The Transcoder: an ASGI application that takes servicers as a grpc server does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import grpc
from google.api import http_pb2, service_pb2
from google.protobuf import descriptor_pool

from grpc_transcoding.bindings.faults import Fault, ServiceConfigError
from grpc_transcoding.bindings.router import Router
from grpc_transcoding.bindings.rule_set import RuleSet, collect_rules
from grpc_transcoding.bindings.service_config import ServiceConfig, load_service_config
from grpc_transcoding.calls.colours import Interceptor, backend_for, check_interceptors
from grpc_transcoding.calls.servicers import Handler, Servicers
from grpc_transcoding.http.asgi import Receive, Scope, Send
from grpc_transcoding.http.endpoint import Endpoint
from grpc_transcoding.http.error_reply import ErrorReplies
from grpc_transcoding.http.lifespan import run_lifespan
from grpc_transcoding.http.limits import Limits
from grpc_transcoding.http.reply_style import ReplyEncoder
from grpc_transcoding.http.reply_writer import ReplyWriter
from grpc_transcoding.http.service import HttpService
from grpc_transcoding.options import Options
from grpc_transcoding.path_templates import Unescape

_log = logging.getLogger("grpc_transcoding")
Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


class Transcoder:
    """Serves gRPC servicers as HTTP and JSON, by the rules of `google.api.http`.

    An ASGI 3 application. Generated `add_*Servicer_to_server` functions take it as their server.
    The rules are checked when it is built: at the first request or lifespan event, or by `build`.
    """

    def __init__(
        self,
        *,
        service_configs: Iterable[str | Path | service_pb2.Service] = (),
        http_rules: Iterable[http_pb2.HttpRule] = (),
        interceptors: Sequence[Interceptor] = (),
        lifespan: Lifespan | None = None,
        strict: bool = True,
        error_domain: str = "",
        descriptor_pool: descriptor_pool.DescriptorPool | None = None,
        executor: Executor | None = None,
        reply_encoder: ReplyEncoder | None = None,
        ignore_unknown_query: bool = False,
        ignore_unknown_body: bool = False,
        credentials_in_query: bool = False,
        unescape: Unescape = Unescape.ALL_BUT_SLASH,
        print_defaults: bool = False,
        proto_names: bool = False,
        enums_as_numbers: bool = False,
        www_authenticate: str = "Bearer",
        limits: Limits | None = None,
    ) -> None:
        """Makes a transcoder without servicers.

        Args:
            service_configs: Service files; a later one overrides an earlier one.
            http_rules: Rules from code; they override files and annotations.
            interceptors: All async (`grpc.aio`) or all sync, outermost first.
            lifespan: Opens what the servicers need, as Starlette's argument of that name does.
            strict: Refuse faulty rules; otherwise they are skipped and reported in `faults`.
            error_domain: Of the ErrorInfo of the transcoder's own refusals; the name of the first
                service file if empty.
            descriptor_pool: Where services are looked up; the default pool if None.
            executor: The threads of sync servicers; the loop's own if None.
            reply_encoder: Writes replies as JSON, for those who know a reply's JSON already.
            ignore_unknown_query: Pass over query parameters that are no field.
            ignore_unknown_body: Pass over members of a JSON body that are no field.
            credentials_in_query: Take `key`, `quotaUser` and `access_token` from the query.
            unescape: What a multi-segment capture decodes, unless a service file says otherwise.
            print_defaults: Write fields that have their default.
            proto_names: Write `snake_case` names.
            enums_as_numbers: Write enums as numbers.
            www_authenticate: The challenge of a 401 if the servicer sends none.
            limits: What a request may cost.

        Raises:
            TypeError: The interceptors are of two colours, or are no interceptors.
            ServiceConfigError: A service file cannot be read.
        """
        self._options = Options(
            ignore_unknown_query=ignore_unknown_query,
            ignore_unknown_body=ignore_unknown_body,
            credentials_in_query=credentials_in_query,
            unescape=unescape,
            print_defaults=print_defaults,
            proto_names=proto_names,
            enums_as_numbers=enums_as_numbers,
            www_authenticate=www_authenticate,
            limits=limits or Limits(),
        )
        self._configs = tuple(load_service_config(config) for config in service_configs)
        self._http_rules = tuple(http_rules)
        self._interceptors = tuple(interceptors)
        check_interceptors(self._interceptors)
        self._lifespan = lifespan
        self._strict = strict
        self._error_domain = error_domain
        self._pool = descriptor_pool or _default_pool()
        self._executor = executor
        self._reply_encoder = reply_encoder
        self._servicers = Servicers(self._pool)
        self._service: HttpService | None = None
        self._rules: RuleSet | None = None
        self._faults: tuple[Fault, ...] = ()

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Adds the handlers of one service; generated code calls this."""
        self._servicers.add_registered_method_handlers(service_name, method_handlers)
        self._service = None

    def add_generic_rpc_handlers(
        self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]
    ) -> None:
        """Adds handlers; generated code calls this."""
        self._servicers.add_generic_rpc_handlers(generic_rpc_handlers)
        self._service = None

    def build(self) -> None:
        """Checks the rules and makes the router; does nothing if that was done.

        Raises:
            ServiceConfigError: The rules have faults, and the transcoder is strict.
            LookupError: A servicer's service is not in the descriptor pool.
            TypeError: Interceptors and servicers are of different colours.
        """
        if self._service is None:
            self._service = self._built()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the rules, and was skipped because the transcoder is not strict."""
        self.build()
        return self._faults

    def _built(self) -> HttpService:
        methods = self._servicers.methods(_services_named_by(self._configs))
        rules = collect_rules(
            [method.descriptor for method in methods], self._configs, self._http_rules
        )
        fully = any(config.fully_decode_reserved_expansion for config in self._configs)
        router = Router(unescape=Unescape.ALL if fully else self._options.unescape)
        faults = (*rules.faults, *router.add_all(rules.bindings))
        if faults and self._strict:
            raise ServiceConfigError(faults)
        for fault in faults:
            _log.warning("skipped: %s", fault)
        by_selector = {method.descriptor.full_name: method for method in methods}
        endpoints = {
            binding: Endpoint(
                binding,
                by_selector[binding.selector],
                rules.policies[binding.selector],
                self._options,
                self._pool,
            )
            for binding in router.bindings
        }
        names = [config.name for config in self._configs if config.name]
        domain = self._error_domain or (names[0] if names else "grpc-transcoding")
        self._rules, self._faults = rules, faults
        return HttpService(
            router=router,
            endpoints=endpoints,
            backend=backend_for(self._servicers, self._interceptors, self._executor),
            options=self._options,
            writer=ReplyWriter(self._pool, self._reply_encoder),
            errors=ErrorReplies(self._pool, domain, self._options.www_authenticate),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one ASGI connection."""
        if scope["type"] == "http":
            service = self._service
            if service is None:
                service = self._service = self._built()
            await service(scope, receive, send)
        elif scope["type"] == "lifespan":
            await run_lifespan(self, self.build, self._lifespan, scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1003})


def _default_pool() -> descriptor_pool.DescriptorPool:
    return descriptor_pool.Default()


def _services_named_by(configs: Sequence[ServiceConfig]) -> tuple[str, ...]:
    names = dict.fromkeys(api for config in configs for api in config.apis)
    for config in configs:
        names.update(dict.fromkeys(rule.selector.rpartition(".")[0] for rule in config.http_rules))
    return tuple(names)
