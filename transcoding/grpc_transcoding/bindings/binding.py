"""One way to call a method over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor

from grpc_transcoding.path_templates import PathTemplate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Binding:
    """An HTTP method and path template, and the RPC method that they call.

    Attributes:
        method: The RPC method.
        http_method: In upper case; `*` is every one.
        template: The path.
        body: The request field that the HTTP body fills, `*` for all that the path leaves, or "".
        response_body: The reply field that is the HTTP body, or "" for the whole reply.
        source: Where the rule is written, for people.
        index: 0 for the rule itself, n for its n-th additional binding.

    Spec: google/api/http.proto, HttpRule.
    """

    method: MethodDescriptor
    http_method: str
    template: PathTemplate
    body: str
    response_body: str
    source: str
    index: int

    @property
    def selector(self) -> str:
        """The full name of the method: `pkg.Service.Method`."""
        return str(self.method.full_name)

    @property
    def rpc_path(self) -> str:
        """The method as gRPC names it: `/pkg.Service/Method`."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    def __str__(self) -> str:
        """Returns `GET /v1/{name=shelves/*} (pkg.Library.GetShelf, library.yaml)`."""
        return f"{self.http_method} {self.template.text} ({self.selector}, {self.source})"
