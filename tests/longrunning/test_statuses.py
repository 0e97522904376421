"""What becomes of an error on its way into a call's trailers."""

from typing import Any
from urllib.parse import quote

import pytest
from google.rpc import error_details_pb2, status_pb2

from longrunning import Aborted
from longrunning.statuses import abort


class Ended(Exception):
    pass


class Context:
    """Takes what a call ends with."""

    details = ""
    trailers: Any = ()

    async def abort(self, code: object, details: str, trailers: Any) -> None:
        self.details, self.trailers = details, trailers
        raise Ended


@pytest.mark.parametrize("character", ["x", "é", "漢", "🙂", "%", "\n"])
@pytest.mark.parametrize("length", [10, 1000, 5000, 100_000])
async def test_a_message_of_any_script_leaves_room_in_the_trailers(
    character: str, length: int
) -> None:
    text = character * length
    context: Any = Context()
    with pytest.raises(Ended):
        await abort(context, Aborted(text, reason="R", metadata={"by": text}), "d")
    details = dict(context.trailers)["grpc-status-details-bin"]
    encoded = len(quote(context.details)) + len(details) * 4 // 3
    assert encoded < 8192 - 1024
    status = status_pb2.Status.FromString(details)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    if length == 10:
        assert (status.message, info.metadata["by"]) == (text, text)
    else:
        assert text.startswith(status.message.removesuffix("..."))
        assert text.startswith(info.metadata["by"].removesuffix("..."))
