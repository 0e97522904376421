"""A longer run of the same fuzz test, guided by coverage: `make fuzz`.

Needs atheris, which is in no dependency group of the suite: `make fuzz` installs it.
"""

import asyncio
import logging
import sys

import atheris

with atheris.instrument_imports(include=["grpc_transcoding"]):
    from tests.grpc_transcoding.fuzz.oracle import PATHS, check, library

METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"]
TYPES = [b"application/json", b"application/x-ndjson", b"text/plain"]
LOOP = asyncio.new_event_loop()


class Raising(logging.Handler):
    """Anything in the transcoder's error log is a finding."""

    def emit(self, record):
        raise AssertionError(record.getMessage()) from record.exc_info and record.exc_info[1]


def one_input(data: bytes) -> None:
    source = atheris.FuzzedDataProvider(data)
    method = source.PickValueInList(METHODS)
    path = source.PickValueInList(PATHS) + source.ConsumeBytes(source.ConsumeIntInRange(0, 12))
    query = source.ConsumeBytes(source.ConsumeIntInRange(0, 40))
    headers = [(b"content-type", source.PickValueInList(TYPES))]
    if source.ConsumeBool():
        headers.append((b"grpc-timeout", source.ConsumeBytes(4)))
        headers.append((b"x-goog-fieldmask", source.ConsumeBytes(8)))
    body = source.ConsumeBytes(source.remaining_bytes())
    LOOP.run_until_complete(check(library(), method, path, query, headers, body))


if __name__ == "__main__":
    handler = Raising(level=logging.ERROR)
    logging.getLogger("grpc_transcoding").addHandler(handler)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
