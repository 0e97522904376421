"""Speech-to-Text, v1 and v1beta1: recognises the keys that somebody dials, in LINEAR16 audio."""

import io
import wave
from typing import Any

import grpc.aio
from google.cloud.speech_v1.types import (
    LongRunningRecognizeMetadata,
    LongRunningRecognizeRequest,
    LongRunningRecognizeResponse,
    RecognitionConfig,
    SpeechRecognitionAlternative,
    SpeechRecognitionResult,
)
from google.longrunning import operations_pb2
from google.protobuf.duration_pb2 import Duration

from examples.google_services.dtmf import WINDOWS_A_SECOND, Listener, samples_of
from examples.google_services.methods import LongRunningMethod, plain
from examples.google_services.progress import Pace, now
from examples.google_services.storage import Storage
from longrunning import App, FailedPrecondition, InvalidArgument, Operations, SyncOperationContext

_CLASSES = {
    "request": LongRunningRecognizeRequest,
    "response": LongRunningRecognizeResponse,
    "metadata": LongRunningRecognizeMetadata,
}
LONG_RUNNING_RECOGNIZE = LongRunningMethod(
    "google.cloud.speech.v1.Speech/LongRunningRecognize",
    **_CLASSES,
    paths=["/v1/speech:longrunningrecognize"],
)
# No package carries the messages of v1beta1 any more: it takes and returns those of v1.
ASYNC_RECOGNIZE = LongRunningMethod(
    "google.cloud.speech.v1beta1.Speech/AsyncRecognize",
    **_CLASSES,
    paths=["/v1beta1/speech:asyncrecognize"],
)


def v1(operations: Operations, storage: Storage, pace: Pace) -> App:
    """Returns the door of `google.cloud.speech.v1`."""
    return _door("speech_v1", LONG_RUNNING_RECOGNIZE, operations, storage, pace)


def v1beta1(operations: Operations, storage: Storage, pace: Pace) -> App:
    """Returns the door of `google.cloud.speech.v1beta1`."""
    return _door("speech_v1beta1", ASYNC_RECOGNIZE, operations, storage, pace)


def _door(
    file: str, method: LongRunningMethod, operations: Operations, storage: Storage, pace: Pace
) -> App:
    def recognize(
        request: LongRunningRecognizeRequest, operation: SyncOperationContext
    ) -> LongRunningRecognizeResponse:
        content = request.audio.content or storage.read(request.audio.uri)
        rate, audio = _linear16(content, request.config.sample_rate_hertz)
        samples, listener, started = samples_of(audio), Listener(rate), now()
        second = listener.window * WINDOWS_A_SECOND
        for start in pace.steps(
            operation,
            range(0, len(samples), second),
            lambda percent: LongRunningRecognizeMetadata(
                progress_percent=percent,
                start_time=started,
                last_update_time=now(),
                uri=request.audio.uri,
            ),
        ):
            listener.hear(samples[start : start + second])
        return _response(listener.keys, len(samples) // rate)

    handler = method.handler(operations, recognize)

    async def start(
        request: LongRunningRecognizeRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> operations_pb2.Operation:
        _check(request, storage)
        return await operations.start(handler, plain(request), context=context)

    return App(
        operations,
        service=operations.for_service(file, name_format="{id}"),
        servicers=[(method.add_to_server, start)],
    )


def _check(request: LongRunningRecognizeRequest, storage: Storage) -> None:
    if request.config.encoding != RecognitionConfig.AudioEncoding.LINEAR16:
        raise InvalidArgument(
            "config.encoding is not supported: expected LINEAR16.",
            field="config.encoding",
            reason="UNSUPPORTED_ENCODING",
        )
    if not 8000 <= request.config.sample_rate_hertz <= 48000:
        raise InvalidArgument(
            f"config.sample_rate_hertz is {request.config.sample_rate_hertz}: "
            "expected 8000 to 48000.",
            field="config.sample_rate_hertz",
            reason="INVALID_SAMPLE_RATE",
        )
    if not request.audio.content:
        storage.check(request.audio.uri, "audio.uri")


def _linear16(content: bytes, rate: int) -> tuple[int, bytes]:
    """Returns the rate and the samples of raw audio, or of a WAV file, which says both itself."""
    if not content.startswith(b"RIFF"):
        return rate, content
    try:
        with wave.open(io.BytesIO(content)) as file:
            if (file.getnchannels(), file.getsampwidth()) == (1, 2):
                return file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        pass
    raise FailedPrecondition(
        "The WAV file cannot be read: expected one channel of 16 bits.", reason="UNREADABLE_AUDIO"
    )


def _response(keys: str, seconds: int) -> LongRunningRecognizeResponse:
    heard = SpeechRecognitionAlternative(transcript=keys, confidence=1.0)
    return LongRunningRecognizeResponse(
        results=[SpeechRecognitionResult(alternatives=[heard])] if keys else [],
        total_billed_time=Duration(seconds=seconds),
    )
