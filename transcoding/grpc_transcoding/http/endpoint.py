"""A binding, made ready to be called: everything that can be worked out before a request comes."""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpc_transcoding.bindings.binding import Binding
from grpc_transcoding.bindings.rule_set import MethodPolicy
from grpc_transcoding.calls.servicers import RpcMethod
from grpc_transcoding.errors import invalid_argument, shortened
from grpc_transcoding.http.reply_style import ReplyStyle
from grpc_transcoding.messages.fields import fields_by_any_name
from grpc_transcoding.messages.json_reply import JsonFormat
from grpc_transcoding.messages.masks import has_mask_field, present_paths, resource_of
from grpc_transcoding.messages.parameters import resolve, set_captures, set_parameters
from grpc_transcoding.messages.request_body import HTTP_BODY, BodyRule
from grpc_transcoding.messages.values import is_plain_string
from grpc_transcoding.options import Options


def shown_type(method: MethodDescriptor, response_body: str) -> Descriptor | None:
    """Returns the message that a reply's body shows, or None if it is no message."""
    if response_body:
        return method.output_type.fields_by_name[response_body].message_type
    return method.output_type


class Endpoint:
    """A binding with its method's classes, limits and styles.

    Args:
        binding: What is bound.
        rpc: The method that it calls.
        policy: What the service files say of the method.
        options: Of the transcoder.
        pool: Where the types inside an Any are looked up.
    """

    def __init__(
        self,
        binding: Binding,
        rpc: RpcMethod,
        policy: MethodPolicy,
        options: Options,
        pool: DescriptorPool,
    ) -> None:
        self.binding = binding
        self.rpc = rpc
        self.policy = policy
        self._options = options
        request = rpc.descriptor.input_type
        self._paths = tuple(
            resolve(request, variable.field_path) for variable in binding.template.variables
        )
        self.bound = frozenset(path.name for path in self._paths)
        self.captures_are_plain = all(
            not path.parents and is_plain_string(path.field) for path in self._paths
        )
        self.field_names = frozenset(fields_by_any_name(request))
        self.body = BodyRule(
            request,
            binding.body,
            self._paths,
            pool,
            max_depth=options.limits.json_depth,
            ignore_unknown=options.ignore_unknown_body,
        )
        self.style = ReplyStyle(
            json=JsonFormat(
                print_defaults=options.print_defaults,
                proto_names=options.proto_names,
                enums_as_numbers=options.enums_as_numbers,
                response_body=binding.response_body,
            )
        )
        shown = shown_type(rpc.descriptor, binding.response_body)
        self.replies_http_body = shown is not None and shown.full_name == HTTP_BODY
        self.client_streaming = bool(rpc.descriptor.client_streaming)
        self.server_streaming = bool(rpc.descriptor.server_streaming)
        self.path_may_say_all = (
            self.captures_are_plain and not binding.body and not self.client_streaming
        )
        self._mask_from_body = binding.http_method == "PATCH" and has_mask_field(request)

    def request_of(
        self,
        captures: tuple[tuple[str, str], ...],
        parameters: list[tuple[str, str]],
        body: object,
        *,
        has_body: bool,
    ) -> Message:
        """Returns the request message.

        Args:
            captures: What the path holds.
            parameters: The query without system parameters.
            body: The JSON value of the body.
            has_body: Whether there was one.

        Raises:
            TranscodingError: The request says something that it cannot mean.
        """
        request = self.from_captures(captures)
        if has_body:
            self.body.merge(body, request)
        if parameters:
            self.add_parameters(request, parameters)
        if has_body and self._mask_from_body and not request.HasField("update_mask"):
            self._add_mask(request, body)
        return request

    def from_captures(self, captures: tuple[tuple[str, str], ...]) -> Message:
        """Returns a request with what the path holds."""
        if self.captures_are_plain:
            return self.rpc.request_class(**dict(captures))
        request = self.rpc.request_class()
        set_captures(request, captures)
        return request

    def add_parameters(self, request: Message, parameters: list[tuple[str, str]]) -> None:
        """Writes the query into the request, as far as the binding takes one."""
        binding = self.binding
        if binding.body == "*":
            unbound = [name for name, _ in parameters if name not in self.bound]
            if unbound and not self._options.ignore_unknown_query:
                shown = shortened(unbound[0])
                raise invalid_argument(
                    f"query parameter {shown!r} is not taken: all that the path leaves is in the"
                    " body of this method",
                    reason="UNEXPECTED_QUERY_PARAMETER",
                    field=shown,
                    parameter=shown,
                )
            parameters = [entry for entry in parameters if entry[0] in self.bound]
        set_parameters(
            request,
            parameters,
            bound=self.bound,
            body_field=binding.body if binding.body != "*" else "",
            ignore_unknown=self._options.ignore_unknown_query,
        )

    def _add_mask(self, request: Message, body: object) -> None:
        field = self.body.field or resource_of(self.rpc.descriptor.input_type)
        if field is not None and self.body.field is None and isinstance(body, dict):
            body = body.get(field.json_name, body.get(field.name))
        if field is None or field.message_type is None or not isinstance(body, dict):
            return
        prefix = field.name + "."
        bound = {name.removeprefix(prefix) for name in self.bound if name.startswith(prefix)}
        paths = [path for path in present_paths(body, field.message_type) if path not in bound]
        request.update_mask.paths.extend(paths)  # type: ignore[attr-defined]
