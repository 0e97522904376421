from google.api import annotations_pb2 as _annotations_pb2
from google.longrunning import operations_pb2 as _operations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ScanRequest(_message.Message):
    __slots__ = ("parent", "directory", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    directory: str
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., directory: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ScanMetadata(_message.Message):
    __slots__ = ("files_total", "files_done", "bytes_total", "bytes_done", "progress_percent")
    FILES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    FILES_DONE_FIELD_NUMBER: _ClassVar[int]
    BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    BYTES_DONE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_PERCENT_FIELD_NUMBER: _ClassVar[int]
    files_total: int
    files_done: int
    bytes_total: int
    bytes_done: int
    progress_percent: int
    def __init__(self, files_total: _Optional[int] = ..., files_done: _Optional[int] = ..., bytes_total: _Optional[int] = ..., bytes_done: _Optional[int] = ..., progress_percent: _Optional[int] = ...) -> None: ...

class Manifest(_message.Message):
    __slots__ = ("files", "bytes_total")
    class File(_message.Message):
        __slots__ = ("path", "size", "sha256")
        PATH_FIELD_NUMBER: _ClassVar[int]
        SIZE_FIELD_NUMBER: _ClassVar[int]
        SHA256_FIELD_NUMBER: _ClassVar[int]
        path: str
        size: int
        sha256: str
        def __init__(self, path: _Optional[str] = ..., size: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...
    FILES_FIELD_NUMBER: _ClassVar[int]
    BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[Manifest.File]
    bytes_total: int
    def __init__(self, files: _Optional[_Iterable[_Union[Manifest.File, _Mapping]]] = ..., bytes_total: _Optional[int] = ...) -> None: ...
