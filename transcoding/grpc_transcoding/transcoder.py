"""The Transcoder: an ASGI application that takes servicers as a grpc server does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.api import http_pb2
from google.protobuf import descriptor_pool as default_pool

from grpc_transcoding.assembly import Assembly, assemble, services_named_by
from grpc_transcoding.bindings.faults import Fault
from grpc_transcoding.bindings.service_config import ServiceFile, load_service_config
from grpc_transcoding.calls.backend import Backend
from grpc_transcoding.calls.colours import Interceptor, backend_for, check_interceptors
from grpc_transcoding.calls.descriptors import Descriptors
from grpc_transcoding.calls.servicers import Handler, Servicers
from grpc_transcoding.errors import ReflectionError
from grpc_transcoding.http.asgi import ASGIApp, Receive, Scope, Send
from grpc_transcoding.http.endpoint import Endpoint
from grpc_transcoding.http.error_reply import ErrorReplies, not_built
from grpc_transcoding.http.lifespan import run_lifespan
from grpc_transcoding.http.reply_style import ReplyEncoder
from grpc_transcoding.http.reply_writer import ReplyWriter
from grpc_transcoding.http.service import HttpService
from grpc_transcoding.limits import Limits
from grpc_transcoding.messages.json_reply import JsonFormat, dump
from grpc_transcoding.options import Options
from grpc_transcoding.path_templates import Unescape
from grpc_transcoding.route_table import RouteTable

if TYPE_CHECKING:
    from grpc_transcoding.calls.remote_services import RemoteServices

_log = logging.getLogger("grpc_transcoding")
Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


class Transcoder:
    """Serves gRPC servicers as HTTP and JSON, by the rules of `google.api.http`.

    An ASGI 3 application. Generated `add_*Servicer_to_server` functions take it as their server.
    The rules are checked when it is built: at the first request or lifespan event, or by `build`.

    Spec: google/api/http.proto, HttpRule; AIP-127 (transcoding); AIP-193 (errors); ASGI 3.
    """

    def __init__(
        self,
        *,
        service_configs: Iterable[ServiceFile] = (),
        http_rules: Iterable[http_pb2.HttpRule] = (),
        interceptors: Sequence[Interceptor] = (),
        channel: grpc.aio.Channel | None = None,
        descriptors: Descriptors | None = None,
        services: Sequence[str] = (),
        lifespan: Lifespan | None = None,
        strict: bool = True,
        error_domain: str = "",
        descriptor_pool: default_pool.DescriptorPool | None = None,
        executor: Executor | None = None,
        reply_encoder: ReplyEncoder | None = None,
        openapi_path: str = "",
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
            channel: To a remote server that makes the calls, in place of servicers.
            descriptors: Of the remote server's services: a set, or the path of one; None asks the
                server's reflection when the first request comes, or the lifespan starts.
            services: Those of the remote server that are bound; all of them if empty.
            lifespan: Opens what the servicers need, as Starlette's argument of that name does.
            strict: Refuse faulty rules; otherwise they are skipped and reported in `faults`.
            error_domain: Of the ErrorInfo of the transcoder's own refusals; the name of the first
                service file if empty.
            descriptor_pool: Where services are looked up; the default pool if None.
            executor: The threads of sync servicers; the loop's own if None.
            reply_encoder: Writes replies as JSON, for those who know a reply's JSON already.
            openapi_path: Where the OpenAPI document is served, such as `/openapi.json`; nowhere if
                empty.
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
            TypeError: The interceptors are of two colours, or are no interceptors, or are given
                beside a channel: they run on the remote server.
            ValueError: The descriptors cannot be read.
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
        self._remote = _remote_services(channel, descriptors, services) if channel else None
        if self._remote and self._interceptors:
            raise TypeError("interceptors run where the servicers are: on the remote server")
        self._lifespan = lifespan
        self._strict = strict
        self._error_domain = error_domain
        self._pool = descriptor_pool or default_pool.Default()
        self._executor = executor
        self._reply_encoder = reply_encoder
        self._openapi_path = openapi_path
        self._openapi_pages: dict[str, bytes] = {}
        self._servicers = Servicers(self._pool)
        self._service: HttpService | None = None
        self._assembly: Assembly | None = None

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Adds the handlers of one service; generated code calls this."""
        self._check_local()
        self._servicers.add_registered_method_handlers(service_name, method_handlers)
        self._service = None

    def add_generic_rpc_handlers(
        self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]
    ) -> None:
        """Adds handlers; generated code calls this."""
        self._check_local()
        self._servicers.add_generic_rpc_handlers(generic_rpc_handlers)
        self._service = None

    def _check_local(self) -> None:
        if self._remote is not None:
            raise TypeError(
                "this transcoder has a channel to a remote server: it takes no servicers"
            )

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
        return self.routes.faults

    @property
    def routes(self) -> RouteTable:
        """What is bound, and which binding answers a request."""
        self.build()
        assert self._assembly is not None
        return RouteTable(self._assembly)

    def openapi(self, **options: str) -> dict[str, object]:
        """Returns the OpenAPI 3.1 document of what is bound.

        Args:
            options: As of `openapi_document`: `server_url`, `version`, `authorization_url`,
                `token_url`.
        """
        from grpc_transcoding.openapi import openapi_document  # noqa: PLC0415 - rarely asked for

        self.build()
        assert self._assembly is not None
        return openapi_document(
            self._assembly,
            **options,
            proto_names=self._options.proto_names,
            enums_as_numbers=self._options.enums_as_numbers,
        )

    def _openapi_page(self, root_path: str) -> bytes:
        page = self._openapi_pages.get(root_path)
        if page is None:
            page = dump(self.openapi(server_url=root_path or "/"), JsonFormat(pretty=True))
            if len(self._openapi_pages) < 16:  # the mounts of one process are few
                self._openapi_pages[root_path] = page
        return page

    async def load(self) -> None:
        """Builds the transcoder, after asking a remote server for its services if need be.

        Raises:
            LookupError: The remote server does not reflect.
            ServiceConfigError: As for `build`.
        """
        if self._remote is not None:
            await self._remote.load()
        self.build()

    def _built(self) -> HttpService:
        remote = self._remote
        pool = remote.pool if remote else self._pool
        if remote is not None:
            methods = remote.methods()
            backend: Backend = remote.backend
        else:
            methods = self._servicers.methods(services_named_by(self._configs))
            backend = backend_for(self._servicers, self._interceptors, self._executor)
        assembly = assemble(
            methods,
            self._configs,
            self._http_rules,
            strict=self._strict,
            unescape=self._options.unescape,
        )
        endpoints = {
            binding: Endpoint(
                binding,
                assembly.methods[binding.selector],
                assembly.rules.policies[binding.selector],
                self._options,
                pool,
            )
            for binding in assembly.router.bindings
        }
        domain = self._error_domain or assembly.name or "grpc-transcoding"
        self._assembly = assembly
        self._openapi_pages.clear()
        return HttpService(
            router=assembly.router,
            endpoints=endpoints,
            backend=backend,
            options=self._options,
            writer=ReplyWriter(pool, self._reply_encoder),
            errors=ErrorReplies(pool, domain, self._options.www_authenticate),
            pages={self._openapi_path.encode(): self._openapi_page} if self._openapi_path else {},
        )

    async def _load_at_start(self) -> None:
        try:
            await self.load()
        except ReflectionError as error:
            # It may come up later than we do; until then requests are answered with 503.
            _log.warning("the remote server cannot be asked for its services yet: %s", error)

    async def _first_service(self) -> ASGIApp:
        try:
            await self.load()
        except Exception as error:
            return not_built(error, self._error_domain or "grpc-transcoding")
        assert self._service is not None
        return self._service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one ASGI connection."""
        if scope["type"] == "http":
            service = self._service or await self._first_service()
            await service(scope, receive, send)
        elif scope["type"] == "lifespan":
            await run_lifespan(self, self._load_at_start, self._lifespan, scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1003})


def _remote_services(
    channel: grpc.aio.Channel, descriptors: Descriptors | None, services: Sequence[str]
) -> RemoteServices:
    # Most transcoders have their servicers with them, and need none of this.
    from grpc_transcoding.calls.remote_services import RemoteServices  # noqa: PLC0415

    return RemoteServices(channel, descriptors, services)
