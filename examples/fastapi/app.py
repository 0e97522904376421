"""Exports of a warehouse: a FastAPI service whose slow route answers with an operation.

uvicorn examples.fastapi.app:app

EXPORTS_DB is the file of the operations, by default exports.db.
"""

import contextlib
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from google.protobuf.wrappers_pb2 import Int32Value, StringValue
from google.rpc import code_pb2
from pydantic import BaseModel

from examples.fastapi.warehouse import Warehouse
from longrunning import App, AsyncOperationContext, Operations, OperationsError, SQLiteStore

operations = Operations(
    SQLiteStore(os.environ.get("EXPORTS_DB", "exports.db")), domain="exports.longrunning.example"
)
warehouse = Warehouse()


@operations.handler(response=StringValue, metadata=Int32Value, conflict=lambda table: table.value)
async def export(table: StringValue, operation: AsyncOperationContext) -> StringValue:
    """Exports a table; of each table one export is under way at a time."""
    exported = 0
    async for _row in warehouse.rows(table.value):
        exported += 1
        await operation.report(Int32Value(value=exported))
    return StringValue(value=f"{exported} rows of {table.value}")


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opens the operations between what the work needs and what needs the operations.

    At the end it goes the other way round: work that is still running finds its warehouse open.
    """
    async with warehouse, operations.lifespan(app):
        # Here the operations are open: what starts work at start-up, say, goes here.
        yield
        # Here they still are, though no request comes any more.


# A service without resources of its own says FastAPI(lifespan=operations.lifespan).
app = FastAPI(title="Exports", lifespan=lifespan)

# google.longrunning.Operations as REST: /api/v1/tables/{table}/operations/{id} and so on.
app.mount("/api", App(operations).transcoder())


class ExportRequest(BaseModel):
    """What a caller wants exported."""

    table: str


@app.post("/exports", status_code=202)
async def start_export(wanted: ExportRequest, request: Request, response: Response) -> str:
    """Starts an export; the reply is its operation's name, `Location` where that is."""
    operation = await operations.start(
        export,
        StringValue(value=wanted.table),
        parent=f"tables/{wanted.table}",
        request_id=request.headers.get("x-request-id", ""),
    )
    response.headers["Location"] = f"/api/v1/{operation.name}"
    return str(operation.name)


_HTTP = {code_pb2.INVALID_ARGUMENT: 400, code_pb2.ALREADY_EXISTS: 409, code_pb2.ABORTED: 409}


@app.exception_handler(OperationsError)
async def refuse(request: Request, error: OperationsError) -> JSONResponse:  # noqa: ARG001 - FastAPI's
    """Answers a refusal of the routes above; the mount answers its own."""
    told = {"code": _HTTP.get(error.code, 503), "message": error.message, "reason": error.reason}
    return JSONResponse({"error": told}, status_code=_HTTP.get(error.code, 503))
