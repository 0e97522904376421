"""Dialogflow v2beta1: exports an agent, a folder of files, as a ZIP archive."""

import io
import re
import zipfile
from typing import Any

import grpc.aio
from google.cloud.dialogflow_v2beta1.types import ExportAgentRequest, ExportAgentResponse
from google.longrunning import operations_pb2
from google.protobuf.struct_pb2 import Struct

from examples.google_services.methods import LongRunningMethod, plain
from examples.google_services.progress import Pace
from examples.google_services.storage import Storage
from longrunning import App, InvalidArgument, Operations, SyncOperationContext

EXPORT_AGENT = LongRunningMethod(
    "google.cloud.dialogflow.v2beta1.Agents/ExportAgent",
    request=ExportAgentRequest,
    response=ExportAgentResponse,
    metadata=Struct,
    paths=[
        "/v2beta1/{parent=projects/*}/agent:export",
        "/v2beta1/{parent=projects/*/locations/*}/agent:export",
    ],
)

AGENTS = "gs://dialogflow-agents"
"""Where the agents are: each in a folder that is named like its project."""

_PARENT = re.compile(r"projects/(?P<project>[^/\s]+)(?:/locations/[^/\s]+)?")


def door(operations: Operations, storage: Storage, pace: Pace) -> App:
    """Returns the door of `google.cloud.dialogflow.v2beta1`."""

    def export(request: ExportAgentRequest, operation: SyncOperationContext) -> ExportAgentResponse:
        agent, archive = _agent(request), io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
            for uri in pace.steps(operation, storage.files(agent), _metadata):
                members.writestr(uri.removeprefix(f"{agent}/"), storage.read(uri))
        if not request.agent_uri:
            return ExportAgentResponse(agent_content=archive.getvalue())
        storage.write(request.agent_uri, archive.getvalue())
        return ExportAgentResponse(agent_uri=request.agent_uri)

    handler = EXPORT_AGENT.handler(operations, export)

    async def start(
        request: ExportAgentRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> operations_pb2.Operation:
        storage.check(_agent(request), "parent")
        if request.agent_uri:
            storage.check(request.agent_uri, "agent_uri")
        return await operations.start(
            handler, plain(request), context=context, parent=request.parent
        )

    return App(
        operations,
        service=operations.for_service("dialogflow_v2beta1"),
        servicers=[(EXPORT_AGENT.add_to_server, start)],
    )


def _agent(request: ExportAgentRequest) -> str:
    match = _PARENT.fullmatch(request.parent)
    if match is None:
        raise InvalidArgument(
            "parent is malformed: expected 'projects/{project}', "
            "or that with '/locations/{location}' behind it.",
            field="parent",
            reason="INVALID_PARENT",
        )
    return f"{AGENTS}/{match['project']}"


def _metadata(percent: int) -> Struct:
    metadata = Struct()
    metadata["progressPercent"] = percent
    return metadata
