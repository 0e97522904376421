"""What the services do with each other, and with a request that is repeated."""

import pytest
from google.cloud import dataproc_v1, speech_v1
from google.longrunning import operations_pb2

from tests.clients.google_services.door import Door
from tests.clients.google_services.works import Dataproc, Speech, TextToSpeech


def test_what_one_service_speaks_another_understands(door_to, key: str):
    speaking: Door = door_to(TextToSpeech)
    listening: Door = door_to(Speech)
    uri = f"gs://spoken/{key}.wav"
    spoken = speaking.work.request(key, "*100 22 #", uri)
    speaking.wait(speaking.send(spoken).name)
    heard = listening.wait(listening.send(listening.work.request(uri, rate=48000)).name)
    response = speech_v1.LongRunningRecognizeResponse.deserialize(heard.response.value)
    assert response.results[0].alternatives[0].transcript == "*10022#"


def test_audio_that_is_in_the_request_is_recognised(door_to, key: str):
    door: Door = door_to(Speech)
    door.work.quick(key)
    audio = (door.work.root / "speech" / key).read_bytes()
    request = door.work.request("")
    request.audio = speech_v1.RecognitionAudio(content=audio)
    operation = door.wait(door.send(request).name)
    response = speech_v1.LongRunningRecognizeResponse.deserialize(operation.response.value)
    assert response.results[0].alternatives[0].transcript == "159951"


def test_a_wav_file_of_another_kind_fails(door_to, key: str):
    door: Door = door_to(Speech)
    door.work.put(f"speech/{key}", b"RIFF and no more")
    operation = door.wait(door.send(door.work.request(f"gs://speech/{key}")).name)
    assert (operation.error.code, operation.error.message) == (
        9,
        "The WAV file cannot be read: expected one channel of 16 bits.",
    )


@pytest.mark.parametrize("request_id", ["", "once"])
def test_a_job_with_a_request_id_is_submitted_once(door_to, key: str, request_id: str):
    door: Door = door_to(Dataproc)
    request: dataproc_v1.SubmitJobRequest = door.work.quick(key)
    request.request_id = request_id
    names = {door.send(request).name for _ in range(2)}
    assert len(names) == (1 if request_id else 2)
    for name in names:
        operation: operations_pb2.Operation = door.wait(name)
        assert operation.HasField("response")
