"""Path templates of `google.api.http`: their grammar, and the router that matches paths to them."""

from grpc_transcoding.path_templates.parser import TemplateSyntaxError, parse_template
from grpc_transcoding.path_templates.percent import Unescape
from grpc_transcoding.path_templates.template import (
    MANY_SEGMENTS,
    ONE_SEGMENT,
    PathTemplate,
    PathVariable,
    Wildcard,
)
from grpc_transcoding.path_templates.trie import PathTrie

__all__ = [
    "MANY_SEGMENTS",
    "ONE_SEGMENT",
    "PathTemplate",
    "PathTrie",
    "PathVariable",
    "TemplateSyntaxError",
    "Unescape",
    "Wildcard",
    "parse_template",
]
