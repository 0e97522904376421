"""Text-to-Speech v1: speaks the keys of a telephone into a WAV file."""

import io
import re
import wave
from typing import Any

import grpc.aio
from google.cloud.texttospeech_v1.types import (
    AudioEncoding,
    SynthesizeLongAudioMetadata,
    SynthesizeLongAudioRequest,
    SynthesizeLongAudioResponse,
)
from google.longrunning import operations_pb2

from examples.google_services.dtmf import KEYS, tone
from examples.google_services.methods import LongRunningMethod, plain
from examples.google_services.progress import Pace, now
from examples.google_services.storage import Storage
from longrunning import App, InvalidArgument, Operations, SyncOperationContext

SYNTHESIZE_LONG_AUDIO = LongRunningMethod(
    "google.cloud.texttospeech.v1.TextToSpeechLongAudioSynthesize/SynthesizeLongAudio",
    request=SynthesizeLongAudioRequest,
    response=SynthesizeLongAudioResponse,
    metadata=SynthesizeLongAudioMetadata,
    paths=["/v1/{parent=projects/*/locations/*}:synthesizeLongAudio"],
)

# Operations without a parent are those that the page's own path of Cancel is for.
_PARENT = re.compile(r"(?:projects/[^/]+/locations/[^/]+)?")
_RATE = 8000


def door(operations: Operations, storage: Storage, pace: Pace) -> App:
    """Returns the door of `google.cloud.texttospeech.v1`."""

    def synthesize(
        request: SynthesizeLongAudioRequest, operation: SyncOperationContext
    ) -> SynthesizeLongAudioResponse:
        rate, started = request.audio_config.sample_rate_hertz or _RATE, now()
        keys = request.input.text.upper().replace(" ", "")
        tones = [
            tone(key, rate)
            for key in pace.steps(
                operation,
                keys,
                lambda percent: SynthesizeLongAudioMetadata(
                    progress_percentage=percent, start_time=started, last_update_time=now()
                ),
            )
        ]
        storage.write(request.output_gcs_uri, _wav(b"".join(tones), rate))
        return SynthesizeLongAudioResponse()

    handler = SYNTHESIZE_LONG_AUDIO.handler(operations, synthesize)

    async def start(
        request: SynthesizeLongAudioRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> operations_pb2.Operation:
        _check(request, storage)
        return await operations.start(
            handler, plain(request), context=context, parent=request.parent
        )

    return App(
        operations,
        service=operations.for_service("texttospeech_v1"),
        servicers=[(SYNTHESIZE_LONG_AUDIO.add_to_server, start)],
    )


def _check(request: SynthesizeLongAudioRequest, storage: Storage) -> None:
    if not _PARENT.fullmatch(request.parent):
        raise InvalidArgument(
            "parent is malformed: expected 'projects/{project}/locations/{location}'.",
            field="parent",
            reason="INVALID_PARENT",
        )
    text = request.input.text.upper()
    if not text.strip() or not set(text) <= {*KEYS, " "}:
        raise InvalidArgument(
            f"input.text cannot be spoken: expected some of the keys {KEYS}.",
            field="input.text",
            reason="INVALID_TEXT",
        )
    if request.audio_config.audio_encoding != AudioEncoding.LINEAR16:
        raise InvalidArgument(
            "audio_config.audio_encoding is not supported: expected LINEAR16.",
            field="audio_config.audio_encoding",
            reason="UNSUPPORTED_ENCODING",
        )
    rate = request.audio_config.sample_rate_hertz
    if rate and not 8000 <= rate <= 48000:
        raise InvalidArgument(
            f"audio_config.sample_rate_hertz is {rate}: expected 8000 to 48000.",
            field="audio_config.sample_rate_hertz",
            reason="INVALID_SAMPLE_RATE",
        )
    storage.check(request.output_gcs_uri, "output_gcs_uri")


def _wav(linear16: bytes, rate: int) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(linear16)
    return written.getvalue()
