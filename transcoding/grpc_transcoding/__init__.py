"""Serves gRPC servicers as HTTP and JSON, by the rules of `google.api.http`, in process."""

from grpc_transcoding.bindings.faults import Fault, ServiceConfigError
from grpc_transcoding.bindings.service_config import ServiceConfig, load_service_config
from grpc_transcoding.http.reply_cache import ReplyCache
from grpc_transcoding.http.reply_style import ReplyEncoder
from grpc_transcoding.limits import Limits
from grpc_transcoding.messages.json_reply import JsonFormat
from grpc_transcoding.path_templates import Unescape
from grpc_transcoding.route_table import Candidate, Explanation, RouteRow, RouteTable, routes
from grpc_transcoding.transcoder import Transcoder

__all__ = [
    "Candidate",
    "Explanation",
    "Fault",
    "JsonFormat",
    "Limits",
    "ReplyCache",
    "ReplyEncoder",
    "RouteRow",
    "RouteTable",
    "ServiceConfig",
    "ServiceConfigError",
    "Transcoder",
    "Unescape",
    "load_service_config",
    "routes",
]
