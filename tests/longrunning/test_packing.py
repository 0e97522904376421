"""Messages in an Any."""

import pytest
from google.protobuf import any_pb2, wrappers_pb2

from longrunning.packing import pack, unpack


def test_a_message_comes_back() -> None:
    message = wrappers_pb2.StringValue(value="a")
    assert unpack(pack(message)) == message


def test_an_any_stays_as_it_is() -> None:
    unknown = any_pb2.Any(type_url="type.example.com/no.Such", value=b"\xff")
    assert pack(unknown) is unknown


def test_a_type_url_with_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="it has a NUL in it"):
        pack(any_pb2.Any(type_url="type.example.com/a\0b"))


def test_a_type_that_is_not_imported_is_named() -> None:
    with pytest.raises(LookupError, match=r"'no\.Such' is not among the messages"):
        unpack(any_pb2.Any(type_url="type.example.com/no.Such"))
