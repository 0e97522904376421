"""What there is to do for each service: its requests, the files that they need, the results."""

import csv
import io
import math
import os
import wave
import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import proto
from google.cloud import (
    automl_v1beta1,
    dataproc_v1,
    dialogflow_v2beta1,
    speech_v1,
    texttospeech_v1,
)
from google.protobuf import empty_pb2, struct_pb2

STEPS = 1000
"""How many steps the long work has: at the pace of the tests it takes 20 seconds."""

WORD_COUNT = "org.apache.hadoop.examples.WordCount"

LOW = {"1": 697, "5": 770, "9": 852}
HIGH = {"1": 1209, "5": 1336, "9": 1477}


def dialled(keys: str, rate: int = 8000) -> bytes:
    """Returns the sound of telephone keys as LINEAR16, made without the example's own code."""
    sound = bytearray()
    for key in keys:
        for number in range(rate // 10):
            angle = 2 * math.pi * number / rate
            level = math.sin(angle * LOW[key]) + math.sin(angle * HIGH[key])
            sound += int(6000 * level).to_bytes(2, "little", signed=True)
        sound += bytes(2 * (rate // 10))
    return bytes(sound)


class Work(ABC):
    """What one service does in the tests.

    Attributes:
        file: the name of its service file.
        host: the name of the service.
        offers: the methods of `google.longrunning.Operations` that it has.
        client: its client, over gRPC and REST.
        async_client: its client, over async gRPC.
        method: what starts an operation, by its name in the clients.
        rpc: the same, by its path in gRPC.
        prefix: what is before the names of operations in the paths of REST.
        metadata: the class of what operations report.
        reason: of the failure of the failing work.
        field: that the refused request has wrong.
        cancel_has_no_body_rule: whether the client's own table has none for Cancel.
    """

    file: ClassVar[str]
    host: ClassVar[str]
    offers: ClassVar[frozenset[str]]
    client: ClassVar[type]
    async_client: ClassVar[type]
    method: ClassVar[str]
    rpc: ClassVar[str]
    prefix: ClassVar[str]
    metadata: ClassVar[type]
    reason: ClassVar[str] = "OBJECT_NOT_FOUND"
    field: ClassVar[str]
    cancel_has_no_body_rule: ClassVar[bool] = False

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, data: bytes = b"") -> None:
        """Writes an object."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    @abstractmethod
    def parent(self, key: str) -> str:
        """Returns the parent of a test's operations, "" if the service has none."""

    def listed(self, key: str) -> tuple[str, str]:
        """Returns `name` and `filter` of the list that has the operations of a test alone."""
        return self.parent(key), ""

    @abstractmethod
    def quick(self, key: str) -> proto.Message:
        """Returns a request for work that takes a few steps."""

    @abstractmethod
    def long(self, key: str) -> proto.Message:
        """Returns a request for work that takes many steps."""

    @abstractmethod
    def failing(self, key: str) -> proto.Message:
        """Returns a request for work that fails."""

    @abstractmethod
    def refused(self, key: str) -> proto.Message:
        """Returns a request that starts nothing."""

    @abstractmethod
    def check(self, key: str, result: object, metadata: object) -> None:
        """Checks what the quick work ended with."""


class Speech(Work):
    file, host = "speech_v1", "speech.googleapis.com"
    offers = frozenset({"List", "Get"})
    client, async_client = speech_v1.SpeechClient, speech_v1.SpeechAsyncClient
    method = "long_running_recognize"
    rpc, prefix = "/google.cloud.speech.v1.Speech/LongRunningRecognize", "/v1/operations/"
    metadata = speech_v1.LongRunningRecognizeMetadata
    field = "config.sample_rate_hertz"

    def parent(self, key: str) -> str:
        return ""

    def listed(self, key: str) -> tuple[str, str]:
        return "", f'metadata.uri = "gs://speech/{key}"'

    def request(self, uri: str, rate: int = 8000) -> proto.Message:
        return speech_v1.LongRunningRecognizeRequest(
            config={"encoding": "LINEAR16", "sample_rate_hertz": rate, "language_code": "en"},
            audio={"uri": uri},
        )

    def quick(self, key: str) -> proto.Message:
        self.put(f"speech/{key}", dialled("159951"))
        return self.request(f"gs://speech/{key}")

    def long(self, key: str) -> proto.Message:
        self.put(f"speech/{key}")
        os.truncate(self.root / f"speech/{key}", STEPS * 16000)  # silence
        return self.request(f"gs://speech/{key}")

    def failing(self, key: str) -> proto.Message:
        return self.request(f"gs://speech/{key}")

    def refused(self, key: str) -> proto.Message:
        return self.request(f"gs://speech/{key}", rate=1)

    def check(self, key: str, result: object, metadata: object) -> None:
        assert isinstance(result, speech_v1.LongRunningRecognizeResponse)
        assert [each.alternatives[0].transcript for each in result.results] == ["159951"]
        assert result.total_billed_time.total_seconds() == 1
        assert metadata.progress_percent == 100
        assert metadata.uri == f"gs://speech/{key}"


class SpeechBeta(Speech):
    """v1beta1, which has no client any more."""

    file, host = "speech_v1beta1", "v1beta1.speech.googleapis.com"
    offers = frozenset({"List", "Get", "Delete", "Cancel"})
    rpc, prefix = "/google.cloud.speech.v1beta1.Speech/AsyncRecognize", "/v1beta1/operations/"


class TextToSpeech(Work):
    file, host = "texttospeech_v1", "texttospeech.googleapis.com"
    offers = frozenset({"List", "Get", "Cancel"})
    client = texttospeech_v1.TextToSpeechLongAudioSynthesizeClient
    async_client = texttospeech_v1.TextToSpeechLongAudioSynthesizeAsyncClient
    method = "synthesize_long_audio"
    rpc = "/google.cloud.texttospeech.v1.TextToSpeechLongAudioSynthesize/SynthesizeLongAudio"
    prefix = "/v1/"
    metadata = texttospeech_v1.SynthesizeLongAudioMetadata
    reason = "OBJECT_NOT_WRITABLE"
    field = "input.text"

    def parent(self, key: str) -> str:
        return f"projects/{key}/locations/here"

    def request(self, key: str, text: str, uri: str) -> proto.Message:
        return texttospeech_v1.SynthesizeLongAudioRequest(
            parent=self.parent(key),
            input={"text": text},
            audio_config={"audio_encoding": "LINEAR16", "sample_rate_hertz": 8000},
            voice={"language_code": "en"},
            output_gcs_uri=uri,
        )

    def quick(self, key: str) -> proto.Message:
        return self.request(key, "1 5 9", f"gs://spoken/{key}.wav")

    def long(self, key: str) -> proto.Message:
        return self.request(key, "1" * STEPS, f"gs://spoken/{key}.wav")

    def failing(self, key: str) -> proto.Message:
        self.put("spoken/file")
        return self.request(key, "1", "gs://spoken/file/below-a-file.wav")

    def refused(self, key: str) -> proto.Message:
        return self.request(key, "hello", f"gs://spoken/{key}.wav")

    def check(self, key: str, result: object, metadata: object) -> None:
        assert isinstance(result, texttospeech_v1.SynthesizeLongAudioResponse)
        assert metadata.progress_percentage == 100
        with wave.open(str(self.root / f"spoken/{key}.wav")) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
            assert file.getnframes() == 3 * 1600


class Dataproc(Work):
    file, host = "dataproc_v1", "dataproc.googleapis.com"
    offers = frozenset({"List", "Get", "Delete", "Cancel"})
    client = dataproc_v1.JobControllerClient
    async_client = dataproc_v1.JobControllerAsyncClient
    method = "submit_job_as_operation"
    rpc = "/google.cloud.dataproc.v1.JobController/SubmitJobAsOperation"
    prefix = "/v1/"
    metadata = dataproc_v1.JobMetadata
    field = "job.hadoop_job"
    cancel_has_no_body_rule = True

    def parent(self, key: str) -> str:
        return f"projects/{key}/regions/here"

    def listed(self, key: str) -> tuple[str, str]:
        return f"{self.parent(key)}/operations", ""

    def request(self, key: str, main_class: str = WORD_COUNT) -> proto.Message:
        args = [f"gs://texts/{key}", f"gs://counts/{key}"]
        return dataproc_v1.SubmitJobRequest(
            project_id=key,
            region="here",
            job={
                "reference": {"job_id": f"job-{key}"},
                "placement": {"cluster_name": "ours"},
                "hadoop_job": {"main_class": main_class, "args": args},
            },
        )

    def quick(self, key: str) -> proto.Message:
        self.put(f"texts/{key}/a.txt", b"To be, or not to be")
        self.put(f"texts/{key}/deep/b.txt", b"that is the question: to be")
        return self.request(key)

    def long(self, key: str) -> proto.Message:
        for number in range(STEPS):
            self.put(f"texts/{key}/{number}.txt", b"word")
        return self.request(key)

    def failing(self, key: str) -> proto.Message:
        return self.request(key)

    def refused(self, key: str) -> proto.Message:
        return self.request(key, main_class="org.example.Sort")

    def check(self, key: str, result: object, metadata: object) -> None:
        assert isinstance(result, dataproc_v1.Job)
        assert result.status.state is dataproc_v1.JobStatus.State.DONE
        assert result.reference.job_id == f"job-{key}"
        assert (metadata.job_id, metadata.operation_type) == (f"job-{key}", "SUBMIT")
        assert metadata.status.state is dataproc_v1.JobStatus.State.DONE
        counted = (self.root / f"counts/{key}/part-r-00000").read_bytes()
        assert counted == b"be\t3\nis\t1\nnot\t1\nor\t1\nquestion\t1\nthat\t1\nthe\t1\nto\t3\n"


class Dialogflow(Work):
    file, host = "dialogflow_v2beta1", "dialogflow.googleapis.com"
    offers = frozenset({"List", "Get", "Cancel"})
    client, async_client = dialogflow_v2beta1.AgentsClient, dialogflow_v2beta1.AgentsAsyncClient
    method = "export_agent"
    rpc, prefix = "/google.cloud.dialogflow.v2beta1.Agents/ExportAgent", "/v2beta1/"
    metadata = struct_pb2.Struct
    field = "agent_uri"
    cancel_has_no_body_rule = True

    def parent(self, key: str) -> str:
        return f"projects/{key}"

    def quick(self, key: str) -> proto.Message:
        self.put(f"dialogflow-agents/{key}/agent.json", b"{}")
        self.put(f"dialogflow-agents/{key}/intents/hello.json", b'{"name": "hello"}')
        return dialogflow_v2beta1.ExportAgentRequest(parent=self.parent(key))

    def long(self, key: str) -> proto.Message:
        for number in range(STEPS):
            self.put(f"dialogflow-agents/{key}/intents/{number}.json", b"{}")
        return dialogflow_v2beta1.ExportAgentRequest(parent=self.parent(key))

    def failing(self, key: str) -> proto.Message:
        return dialogflow_v2beta1.ExportAgentRequest(parent=self.parent(key))

    def refused(self, key: str) -> proto.Message:
        return dialogflow_v2beta1.ExportAgentRequest(
            parent=self.parent(key), agent_uri="gs://agents/../../agent.zip"
        )

    def check(self, key: str, result: object, metadata: object) -> None:
        assert isinstance(result, dialogflow_v2beta1.ExportAgentResponse)
        with zipfile.ZipFile(io.BytesIO(result.agent_content)) as archive:
            assert archive.namelist() == ["agent.json", "intents/hello.json"]
            assert archive.read("intents/hello.json") == b'{"name": "hello"}'
        assert dict(metadata) == {"progressPercent": 100}


class AutoMl(Work):
    file, host = "automl_v1beta1", "automl.googleapis.com"
    offers = frozenset({"List", "Get", "Delete", "Cancel", "Wait"})
    client, async_client = automl_v1beta1.AutoMlClient, automl_v1beta1.AutoMlAsyncClient
    method = "export_data"
    rpc, prefix = "/google.cloud.automl.v1beta1.AutoMl/ExportData", "/v1beta1/"
    metadata = automl_v1beta1.OperationMetadata
    field = "output_config.gcs_destination.output_uri_prefix"

    def parent(self, key: str) -> str:
        return f"projects/{key}/locations/here"

    def request(self, key: str, prefix: str = "gs://exported") -> proto.Message:
        return automl_v1beta1.ExportDataRequest(
            name=f"{self.parent(key)}/datasets/{key}",
            output_config={"gcs_destination": {"output_uri_prefix": prefix}},
        )

    def quick(self, key: str) -> proto.Message:
        self.put(f"automl-datasets/{key}/daisy/1.jpg")
        self.put(f"automl-datasets/{key}/rose/1.jpg")
        self.put(f"automl-datasets/{key}/2.jpg")
        return self.request(key)

    def long(self, key: str) -> proto.Message:
        for number in range(STEPS):
            self.put(f"automl-datasets/{key}/daisy/{number}.jpg")
        return self.request(key)

    def failing(self, key: str) -> proto.Message:
        return self.request(key)

    def refused(self, key: str) -> proto.Message:
        return self.request(key, prefix="s3://exported")

    def check(self, key: str, result: object, metadata: object) -> None:
        assert isinstance(result, empty_pb2.Empty)
        assert metadata.progress_percent == 100
        folder = metadata.export_data_details.output_info.gcs_output_directory
        assert folder.startswith(f"gs://exported/export_data-{key}-")
        written = self.root / folder.removeprefix("gs://") / "image_classification.csv"
        dataset = f"gs://automl-datasets/{key}"
        with written.open() as file:
            assert list(csv.reader(file)) == [
                ["UNASSIGNED", f"{dataset}/2.jpg"],
                ["UNASSIGNED", f"{dataset}/daisy/1.jpg", "daisy"],
                ["UNASSIGNED", f"{dataset}/rose/1.jpg", "rose"],
            ]


LIVING: tuple[type[Work], ...] = (Speech, TextToSpeech, Dataproc, Dialogflow, AutoMl)
"""The services that have a client."""

ALL: tuple[type[Work], ...] = (SpeechBeta, *LIVING)


def packed(metadata: type) -> str:
    """Returns the full name of a class of either kind."""
    plain = metadata.pb() if issubclass(metadata, proto.Message) else metadata
    return str(plain.DESCRIPTOR.full_name)
