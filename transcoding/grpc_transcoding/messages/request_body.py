"""The HTTP body, written into a request message.

Spec: google/api/http.proto, HttpRule.body; google/api/httpbody.proto.
"""

from __future__ import annotations

import re
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpc_transcoding.errors import TranscodingError, invalid_argument, shortened
from grpc_transcoding.messages.json_body import load_json, parse_message
from grpc_transcoding.messages.parameters import FieldPath, check_oneof, contradiction, read

HTTP_BODY = "google.api.HttpBody"
_JSON_TYPE = re.compile(r"application/(?:[a-z0-9.\-]+\+)?json\Z")
# Of one JSON value per line, in a streamed request or reply.
LINE_TYPES = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
    }
)


def check_json_type(
    content_type: bytes | None, content_encoding: bytes | None, *, takes_lines: bool = False
) -> None:
    """Refuses a body that is not JSON in UTF-8.

    Args:
        content_type: As the header says it, or None.
        content_encoding: Likewise.
        takes_lines: Whether it may be one JSON value per line.

    Raises:
        TranscodingError: 415.
    """
    check_not_encoded(content_encoding)
    if content_type is None:
        return
    text = content_type.decode("latin-1").lower()
    media_type, _, parameters = text.partition(";")
    is_lines = takes_lines and media_type.strip() in LINE_TYPES
    if not is_lines and not _JSON_TYPE.match(media_type.strip()):
        shown = shortened(text)
        raise _unsupported(f"the body is {shown!r}, it should be application/json", shown)
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in {"utf-8", "utf8", "us-ascii"}:
            shown = shortened(value)
            raise _unsupported(f"the body's charset is {shown!r}, it should be utf-8", shown)


def check_not_encoded(content_encoding: bytes | None) -> None:
    """Refuses a body that is compressed: nobody behind this would know.

    Raises:
        TranscodingError: 415.
    """
    if content_encoding is not None and content_encoding.strip().lower() != b"identity":
        encoding = shortened(content_encoding.decode("latin-1"))
        raise _unsupported(
            f"the body is encoded as {encoding!r}, it should not be encoded", encoding
        )


def _unsupported(message: str, value: str) -> TranscodingError:
    return TranscodingError(
        grpc.StatusCode.INVALID_ARGUMENT,
        message,
        reason="UNSUPPORTED_MEDIA_TYPE",
        metadata={"value": value},
        http_status=415,
    )


class BodyRule:
    """What a binding says of the body.

    Args:
        message: The request.
        body: As in HttpRule: "", "*" or a field.
        bound: What the path captures.
        pool: Where the types inside an Any are looked up.
        max_depth: Of JSON.
        ignore_unknown: Whether members that are no field are passed over.
    """

    def __init__(
        self,
        message: Descriptor,
        body: str,
        bound: tuple[FieldPath, ...],
        pool: DescriptorPool,
        *,
        max_depth: int,
        ignore_unknown: bool,
    ) -> None:
        self.field = message.fields_by_name[body] if body not in {"", "*"} else None
        self.takes_body = bool(body)
        self._bound = bound
        self._pool = pool
        self._max_depth = max_depth
        self._ignore_unknown = ignore_unknown
        target = message if body == "*" else self.field.message_type if self.field else None
        self.is_http_body = target is not None and target.full_name == HTTP_BODY

    def load(self, body: bytes) -> object:
        """Parses the JSON of a body; an empty one is `None`."""
        return load_json(body, max_depth=self._max_depth) if body.strip() else None

    def merge(self, value: object, request: Message) -> None:
        """Writes a JSON value into a request that has its path captures already.

        Raises:
            TranscodingError: The value is of the wrong form, or contradicts the path.
        """
        if not self.takes_body:
            self._check_repeats_path(value, request)
        else:
            # `body: book` is the same as `body: *` with the JSON {"book": ...}.
            said = type(request)()
            self._parse({self.field.name: value} if self.field is not None else value, said)
            for path in self._bound:
                _check_oneofs(said, path)
                if is_set(said, path) and read(said, path) != read(request, path):
                    raise contradiction(path.name, "the body")
            said.MergeFrom(request)
            request.CopyFrom(said)

    def _parse(self, value: object, message: Message) -> None:
        parse_message(value, message, pool=self._pool, ignore_unknown=self._ignore_unknown)

    def _check_repeats_path(self, value: object, request: Message) -> None:
        """A method without a body takes `{}` and what its path says: api_core's clients send it."""
        if value in ({}, None):
            return
        said = type(request)()
        try:
            self._parse(value, said)
            both = type(request)()
            both.CopyFrom(request)
            both.MergeFrom(said)
            is_repetition = both == request
        except TranscodingError:
            is_repetition = False
        if not is_repetition:
            raise invalid_argument(
                "this method takes no body: send none, or {}", reason="UNEXPECTED_BODY"
            )

    def merge_http_body(self, content_type: bytes | None, data: bytes, request: Message) -> None:
        """Writes a raw body into the request's google.api.HttpBody."""
        target: Any = getattr(request, self.field.name) if self.field is not None else request
        target.content_type = (content_type or b"").decode("latin-1")
        target.data = data


def _check_oneofs(said: Message, path: FieldPath) -> None:
    """Refuses a body that holds another member of a oneof than the path does."""
    for field in (*path.parents, path.field):
        check_oneof(said, field, path.name)
        if field.message_type is None or not said.HasField(field.name):
            return
        said = getattr(said, field.name)


def is_set(message: Message, path: FieldPath) -> bool:
    """Says whether a message has something other than the default at a path."""
    for parent in path.parents:
        if not message.HasField(parent.name):
            return False
        message = getattr(message, parent.name)
    if path.field.has_presence:
        return bool(message.HasField(path.field.name))
    return bool(getattr(message, path.field.name) != path.field.default_value)
