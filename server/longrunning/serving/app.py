"""An `App`: what one front door serves."""

from collections.abc import Callable, Sequence
from typing import Any

import grpc.aio

from grpc_transcoding import Limits, ReplyCache, Transcoder, load_service_config
from longrunning.auth.authenticator import Authenticator
from longrunning.auth.interceptor import AuthenticationInterceptor
from longrunning.operations import Operations
from longrunning.servicer import ErrorInterceptor, Target
from longrunning.services import ServiceFile, find_service_config, left_out, required_scopes
from longrunning.serving.addresses import StartupError
from longrunning.view import View

AddToServer = Callable[[Any, Any], None]
"""What protoc generates as `add_<Service>Servicer_to_server(servicer, server)`."""

DEFAULT_SERVICE_CONFIG = "operations_v1"


class App:
    """Servicers and their operations behind one gRPC port and one HTTP port.

    Nothing is opened or bound by making one: `lro serve module:app` does that. A servicer may raise
    an `OperationsError` to refuse a call; of other exceptions clients learn nothing.

    Args:
        operations: what the servicers start; it is served beside them.
        service: what `operations.for_service` returned, for the door of one service of several:
            its methods, operations and names only, at the paths of its file.
        servicers: each with the function that protoc generated to add it to a server.
        service_configs: `google.api.Service` files by path, messages, or the names of those that
            are shipped (`operations_v1`); they say at which paths the methods are served. By
            default that is the service's own file, or `operations_v1` without a service.
        authenticator: knows who calls; the `authentication.rules` of the service files say which
            scopes each method needs. None lets everyone in.
        interceptors: see every call, of gRPC and of REST alike, the first one first.

    Raises:
        ServiceConfigError: there is an authenticator, and a service file cannot be read or has a
            fault.
    """

    def __init__(
        self,
        operations: Operations,
        *,
        service: View | None = None,
        servicers: Sequence[tuple[AddToServer, object]] = (),
        service_configs: Sequence[ServiceFile] | None = None,
        authenticator: Authenticator | None = None,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    ) -> None:
        self.operations = operations
        self.authenticator = authenticator
        self._view = service or operations
        self._servicers = tuple(servicers)
        if service_configs is None:
            service_configs = (self._view.service.config or DEFAULT_SERVICE_CONFIG,)
        self._service_configs = tuple(service_configs)
        first: list[grpc.aio.ServerInterceptor] = [ErrorInterceptor(operations.domain)]
        if authenticator:
            scopes = required_scopes(self._service_configs)
            first.append(
                AuthenticationInterceptor(
                    authenticator, required_scopes=scopes, domain=operations.domain
                )
            )
        self.own_interceptors = tuple(first)
        self.interceptors = (*first, *interceptors)

    @property
    def service_name(self) -> str:
        """The name of the service whose door this is, "" for the door that shows everything."""
        return self._view.service.name or ""

    def add_to_server(self, target: Target) -> None:
        """Adds all servicers, that of the operations included, to a server or transcoder."""
        for add, servicer in self._servicers:
            add(servicer, target)
        self._view.add_to_server(target)

    def transcoder(
        self,
        *,
        limits: Limits | None = None,
        innermost: Sequence[grpc.aio.ServerInterceptor] = (),
    ) -> Transcoder:
        """Returns the REST face of the app, an ASGI application.

        Args:
            limits: of a request; None for the transcoder's own.
            innermost: interceptors behind those of the app.

        Raises:
            ServiceConfigError: a service file has a fault.
        """
        # Read once: it takes longer than all else here.
        configs = [load_service_config(find_service_config(c)) for c in self._service_configs]
        transcoder = Transcoder(
            service_configs=configs,
            http_rules=left_out(configs),
            interceptors=(*self.interceptors, *innermost),
            limits=limits,
            error_domain=self.operations.domain,
            reply_encoder=ReplyCache(),  # pollers ask more often than anything changes
        )
        self.add_to_server(transcoder)
        transcoder.build()
        return transcoder


def shared_operations(apps: Sequence[App]) -> Operations:
    """Returns the operations of all apps of one process.

    Raises:
        StartupError: there is more than one `Operations`, or no app.
    """
    found = {id(app.operations): app.operations for app in apps}
    if len(found) != 1:
        raise StartupError(
            f"the {len(apps)} apps have {len(found)} Operations between them: "
            "the doors of one process share one Operations object, with one store"
        )
    (operations,) = found.values()
    return operations
