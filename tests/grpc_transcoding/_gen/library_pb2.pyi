from google.api import annotations_pb2 as _annotations_pb2
from google.api import httpbody_pb2 as _httpbody_pb2
from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import wrappers_pb2 as _wrappers_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Binding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BINDING_UNSPECIFIED: _ClassVar[Binding]
    BINDING_HARD: _ClassVar[Binding]
    BINDING_SOFT: _ClassVar[Binding]
BINDING_UNSPECIFIED: Binding
BINDING_HARD: Binding
BINDING_SOFT: Binding

class Book(_message.Message):
    __slots__ = ("name", "title", "author", "tags", "titles", "print_time", "binding", "extra")
    class TitlesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    TITLES_FIELD_NUMBER: _ClassVar[int]
    PRINT_TIME_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: str
    author: Author
    tags: _containers.RepeatedScalarFieldContainer[str]
    titles: _containers.ScalarMap[str, str]
    print_time: _timestamp_pb2.Timestamp
    binding: Binding
    extra: _any_pb2.Any
    def __init__(self, name: _Optional[str] = ..., title: _Optional[str] = ..., author: _Optional[_Union[Author, _Mapping]] = ..., tags: _Optional[_Iterable[str]] = ..., titles: _Optional[_Mapping[str, str]] = ..., print_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., binding: _Optional[_Union[Binding, str]] = ..., extra: _Optional[_Union[_any_pb2.Any, _Mapping]] = ...) -> None: ...

class Author(_message.Message):
    __slots__ = ("full_name", "year")
    FULL_NAME_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    full_name: str
    year: int
    def __init__(self, full_name: _Optional[str] = ..., year: _Optional[int] = ...) -> None: ...

class GetBookRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListBooksRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "bindings", "author")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    bindings: _containers.RepeatedScalarFieldContainer[Binding]
    author: Author
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., bindings: _Optional[_Iterable[_Union[Binding, str]]] = ..., author: _Optional[_Union[Author, _Mapping]] = ...) -> None: ...

class ListBooksResponse(_message.Message):
    __slots__ = ("books", "next_page_token")
    BOOKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    books: _containers.RepeatedCompositeFieldContainer[Book]
    next_page_token: str
    def __init__(self, books: _Optional[_Iterable[_Union[Book, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateBookRequest(_message.Message):
    __slots__ = ("parent", "book", "book_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    BOOK_FIELD_NUMBER: _ClassVar[int]
    BOOK_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    book: Book
    book_id: str
    def __init__(self, parent: _Optional[str] = ..., book: _Optional[_Union[Book, _Mapping]] = ..., book_id: _Optional[str] = ...) -> None: ...

class UpdateBookRequest(_message.Message):
    __slots__ = ("book", "update_mask")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    book: Book
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, book: _Optional[_Union[Book, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateBookResponse(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: UpdateBookRequest
    def __init__(self, request: _Optional[_Union[UpdateBookRequest, _Mapping]] = ...) -> None: ...

class DeleteBookRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class MoveBookRequest(_message.Message):
    __slots__ = ("name", "destination")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    name: str
    destination: str
    def __init__(self, name: _Optional[str] = ..., destination: _Optional[str] = ...) -> None: ...

class GetPageRequest(_message.Message):
    __slots__ = ("name", "number")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    name: str
    number: int
    def __init__(self, name: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class GetPageResponse(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, lines: _Optional[_Iterable[str]] = ...) -> None: ...

class GetCoverRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class SetCoverRequest(_message.Message):
    __slots__ = ("name", "cover", "caption")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COVER_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    cover: _httpbody_pb2.HttpBody
    caption: str
    def __init__(self, name: _Optional[str] = ..., cover: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ..., caption: _Optional[str] = ...) -> None: ...

class SetCoverResponse(_message.Message):
    __slots__ = ("content_type", "size", "caption")
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    content_type: str
    size: int
    caption: str
    def __init__(self, content_type: _Optional[str] = ..., size: _Optional[int] = ..., caption: _Optional[str] = ...) -> None: ...

class ReadBookRequest(_message.Message):
    __slots__ = ("name", "fail_after")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FAIL_AFTER_FIELD_NUMBER: _ClassVar[int]
    name: str
    fail_after: int
    def __init__(self, name: _Optional[str] = ..., fail_after: _Optional[int] = ...) -> None: ...

class ReadBookResponse(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class DownloadBookRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class UploadBookRequest(_message.Message):
    __slots__ = ("name", "chunk")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    name: str
    chunk: _httpbody_pb2.HttpBody
    def __init__(self, name: _Optional[str] = ..., chunk: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class UploadBookResponse(_message.Message):
    __slots__ = ("chunks",)
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    chunks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, chunks: _Optional[_Iterable[str]] = ...) -> None: ...

class ImportBooksRequest(_message.Message):
    __slots__ = ("parent", "title")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    title: str
    def __init__(self, parent: _Optional[str] = ..., title: _Optional[str] = ...) -> None: ...

class ImportBooksResponse(_message.Message):
    __slots__ = ("titles",)
    TITLES_FIELD_NUMBER: _ClassVar[int]
    titles: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, titles: _Optional[_Iterable[str]] = ...) -> None: ...

class DiscussRequest(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class DiscussResponse(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class UnboundRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UnboundResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EchoRequest(_message.Message):
    __slots__ = ("types",)
    TYPES_FIELD_NUMBER: _ClassVar[int]
    types: AllTypes
    def __init__(self, types: _Optional[_Union[AllTypes, _Mapping]] = ...) -> None: ...

class EchoResponse(_message.Message):
    __slots__ = ("types",)
    TYPES_FIELD_NUMBER: _ClassVar[int]
    types: AllTypes
    def __init__(self, types: _Optional[_Union[AllTypes, _Mapping]] = ...) -> None: ...

class AllTypes(_message.Message):
    __slots__ = ("double_value", "float_value", "int32_value", "int64_value", "uint32_value", "uint64_value", "sint32_value", "sint64_value", "fixed32_value", "fixed64_value", "sfixed32_value", "sfixed64_value", "bool_value", "string_value", "bytes_value", "enum_value", "optional_string", "optional_int32", "strings", "int64s", "doubles", "enums", "bytes_list", "timestamp", "duration", "field_mask", "bool_wrapper", "int32_wrapper", "int64_wrapper", "uint32_wrapper", "uint64_wrapper", "float_wrapper", "double_wrapper", "string_wrapper", "bytes_wrapper", "struct", "value", "list_value", "string_map", "int32_map", "timestamp_map", "author_map", "choice_string", "choice_int32", "choice_author", "author", "nested", "timestamps", "authors", "any")
    class StringMapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class Int32MapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: bool
        def __init__(self, key: _Optional[int] = ..., value: bool = ...) -> None: ...
    class TimestampMapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _timestamp_pb2.Timestamp
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
    class AuthorMapEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Author
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Author, _Mapping]] = ...) -> None: ...
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    FLOAT_VALUE_FIELD_NUMBER: _ClassVar[int]
    INT32_VALUE_FIELD_NUMBER: _ClassVar[int]
    INT64_VALUE_FIELD_NUMBER: _ClassVar[int]
    UINT32_VALUE_FIELD_NUMBER: _ClassVar[int]
    UINT64_VALUE_FIELD_NUMBER: _ClassVar[int]
    SINT32_VALUE_FIELD_NUMBER: _ClassVar[int]
    SINT64_VALUE_FIELD_NUMBER: _ClassVar[int]
    FIXED32_VALUE_FIELD_NUMBER: _ClassVar[int]
    FIXED64_VALUE_FIELD_NUMBER: _ClassVar[int]
    SFIXED32_VALUE_FIELD_NUMBER: _ClassVar[int]
    SFIXED64_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    BYTES_VALUE_FIELD_NUMBER: _ClassVar[int]
    ENUM_VALUE_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_STRING_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_INT32_FIELD_NUMBER: _ClassVar[int]
    STRINGS_FIELD_NUMBER: _ClassVar[int]
    INT64S_FIELD_NUMBER: _ClassVar[int]
    DOUBLES_FIELD_NUMBER: _ClassVar[int]
    ENUMS_FIELD_NUMBER: _ClassVar[int]
    BYTES_LIST_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    FIELD_MASK_FIELD_NUMBER: _ClassVar[int]
    BOOL_WRAPPER_FIELD_NUMBER: _ClassVar[int]
    INT32_WRAPPER_FIELD_NUMBER: _ClassVar[int]
    INT64_WRAPPER_FIELD_NUMBER: _ClassVar[int]
    UINT32_WRAPPER_FIELD_NUMBER: _ClassVar[int]
    UINT64_WRAPPER_FIELD_NUMBER: _ClassVar[int]
    FLOAT_WRAPPER_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_WRAPPER_FIELD_NUMBER: _ClassVar[int]
    STRING_WRAPPER_FIELD_NUMBER: _ClassVar[int]
    BYTES_WRAPPER_FIELD_NUMBER: _ClassVar[int]
    STRUCT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LIST_VALUE_FIELD_NUMBER: _ClassVar[int]
    STRING_MAP_FIELD_NUMBER: _ClassVar[int]
    INT32_MAP_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MAP_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_MAP_FIELD_NUMBER: _ClassVar[int]
    CHOICE_STRING_FIELD_NUMBER: _ClassVar[int]
    CHOICE_INT32_FIELD_NUMBER: _ClassVar[int]
    CHOICE_AUTHOR_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    NESTED_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMPS_FIELD_NUMBER: _ClassVar[int]
    AUTHORS_FIELD_NUMBER: _ClassVar[int]
    ANY_FIELD_NUMBER: _ClassVar[int]
    double_value: float
    float_value: float
    int32_value: int
    int64_value: int
    uint32_value: int
    uint64_value: int
    sint32_value: int
    sint64_value: int
    fixed32_value: int
    fixed64_value: int
    sfixed32_value: int
    sfixed64_value: int
    bool_value: bool
    string_value: str
    bytes_value: bytes
    enum_value: Binding
    optional_string: str
    optional_int32: int
    strings: _containers.RepeatedScalarFieldContainer[str]
    int64s: _containers.RepeatedScalarFieldContainer[int]
    doubles: _containers.RepeatedScalarFieldContainer[float]
    enums: _containers.RepeatedScalarFieldContainer[Binding]
    bytes_list: _containers.RepeatedScalarFieldContainer[bytes]
    timestamp: _timestamp_pb2.Timestamp
    duration: _duration_pb2.Duration
    field_mask: _field_mask_pb2.FieldMask
    bool_wrapper: _wrappers_pb2.BoolValue
    int32_wrapper: _wrappers_pb2.Int32Value
    int64_wrapper: _wrappers_pb2.Int64Value
    uint32_wrapper: _wrappers_pb2.UInt32Value
    uint64_wrapper: _wrappers_pb2.UInt64Value
    float_wrapper: _wrappers_pb2.FloatValue
    double_wrapper: _wrappers_pb2.DoubleValue
    string_wrapper: _wrappers_pb2.StringValue
    bytes_wrapper: _wrappers_pb2.BytesValue
    struct: _struct_pb2.Struct
    value: _struct_pb2.Value
    list_value: _struct_pb2.ListValue
    string_map: _containers.ScalarMap[str, str]
    int32_map: _containers.ScalarMap[int, bool]
    timestamp_map: _containers.MessageMap[str, _timestamp_pb2.Timestamp]
    author_map: _containers.MessageMap[str, Author]
    choice_string: str
    choice_int32: int
    choice_author: Author
    author: Author
    nested: AllTypes
    timestamps: _containers.RepeatedCompositeFieldContainer[_timestamp_pb2.Timestamp]
    authors: _containers.RepeatedCompositeFieldContainer[Author]
    any: _any_pb2.Any
    def __init__(self, double_value: _Optional[float] = ..., float_value: _Optional[float] = ..., int32_value: _Optional[int] = ..., int64_value: _Optional[int] = ..., uint32_value: _Optional[int] = ..., uint64_value: _Optional[int] = ..., sint32_value: _Optional[int] = ..., sint64_value: _Optional[int] = ..., fixed32_value: _Optional[int] = ..., fixed64_value: _Optional[int] = ..., sfixed32_value: _Optional[int] = ..., sfixed64_value: _Optional[int] = ..., bool_value: bool = ..., string_value: _Optional[str] = ..., bytes_value: _Optional[bytes] = ..., enum_value: _Optional[_Union[Binding, str]] = ..., optional_string: _Optional[str] = ..., optional_int32: _Optional[int] = ..., strings: _Optional[_Iterable[str]] = ..., int64s: _Optional[_Iterable[int]] = ..., doubles: _Optional[_Iterable[float]] = ..., enums: _Optional[_Iterable[_Union[Binding, str]]] = ..., bytes_list: _Optional[_Iterable[bytes]] = ..., timestamp: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., field_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., bool_wrapper: _Optional[_Union[_wrappers_pb2.BoolValue, _Mapping]] = ..., int32_wrapper: _Optional[_Union[_wrappers_pb2.Int32Value, _Mapping]] = ..., int64_wrapper: _Optional[_Union[_wrappers_pb2.Int64Value, _Mapping]] = ..., uint32_wrapper: _Optional[_Union[_wrappers_pb2.UInt32Value, _Mapping]] = ..., uint64_wrapper: _Optional[_Union[_wrappers_pb2.UInt64Value, _Mapping]] = ..., float_wrapper: _Optional[_Union[_wrappers_pb2.FloatValue, _Mapping]] = ..., double_wrapper: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., string_wrapper: _Optional[_Union[_wrappers_pb2.StringValue, _Mapping]] = ..., bytes_wrapper: _Optional[_Union[_wrappers_pb2.BytesValue, _Mapping]] = ..., struct: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., list_value: _Optional[_Union[_struct_pb2.ListValue, _Mapping]] = ..., string_map: _Optional[_Mapping[str, str]] = ..., int32_map: _Optional[_Mapping[int, bool]] = ..., timestamp_map: _Optional[_Mapping[str, _timestamp_pb2.Timestamp]] = ..., author_map: _Optional[_Mapping[str, Author]] = ..., choice_string: _Optional[str] = ..., choice_int32: _Optional[int] = ..., choice_author: _Optional[_Union[Author, _Mapping]] = ..., author: _Optional[_Union[Author, _Mapping]] = ..., nested: _Optional[_Union[AllTypes, _Mapping]] = ..., timestamps: _Optional[_Iterable[_Union[_timestamp_pb2.Timestamp, _Mapping]]] = ..., authors: _Optional[_Iterable[_Union[Author, _Mapping]]] = ..., any: _Optional[_Union[_any_pb2.Any, _Mapping]] = ...) -> None: ...
