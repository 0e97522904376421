"""OpenAPI 3.1 of everything that a transcoder binds."""

from grpc_transcoding.openapi.document import openapi_document

__all__ = ["openapi_document"]
