"""The scopes that Google's services publish let callers in, at each service's own door."""

import pytest

from longrunning import App, MemoryStore, Operations
from longrunning.auth import Authenticator, Caller
from tests.longrunning.auth.conftest import serving
from tests.longrunning.auth.front import RestFront, bearer
from tests.longrunning.test_service_configs import CLOUD, DIALOGFLOW

PARENT_AND_ID = "{parent}/operations/{id}"

# The file, how it writes names, and where it has an operation.
DOORS = {
    "speech_v1beta1": ("{id}", "", "/v1beta1/operations/{name}"),
    "speech_v1": ("{id}", "", "/v1/operations/{name}"),
    "texttospeech_v1": (PARENT_AND_ID, "projects/p/locations/l", "/v1/{name}"),
    "dataproc_v1": (PARENT_AND_ID, "projects/p/regions/r", "/v1/{name}"),
    "dialogflow_v2beta1": (PARENT_AND_ID, "projects/p", "/v2beta1/{name}"),
    "automl_v1beta1": (PARENT_AND_ID, "projects/p/locations/l", "/v1beta1/{name}"),
}


class Scoped:
    """Takes any token; what it says are its scopes."""

    async def verify(self, token: str) -> Caller:
        scopes = {"cloud": CLOUD, "dialogflow": DIALOGFLOW}.get(token, "other")
        return Caller(subject="alice", issuer="issuer", scopes=frozenset({scopes}))


@pytest.mark.parametrize("file", DOORS)
async def test_a_door_wants_the_scopes_that_its_service_publishes(file: str, protocol: str) -> None:
    name_format, parent, path = DOORS[file]
    operations = Operations(MemoryStore())
    service = operations.for_service(file, name_format=name_format)
    app = App(operations, service=service, authenticator=Authenticator([Scoped()]))
    let_in = {"cloud", "dialogflow"} if file == "dialogflow_v2beta1" else {"cloud"}
    name = f"{parent}/operations/o" if parent else "o"
    async with serving(app, protocol) as front:
        for token in ("cloud", "dialogflow", "another"):
            if isinstance(front, RestFront):
                answer = await front.request("GET", path.format(name=name), bearer(token), {})
            else:
                answer = await front.call("Get", name, bearer(token))
            if token in let_in:
                assert answer.code == "NOT_FOUND"
                assert answer.http_status in (None, 404)
            else:
                assert answer.code == "PERMISSION_DENIED"
                assert answer.http_status in (None, 403)
                assert answer.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
                assert answer.challenge is not None
                assert CLOUD in answer.challenge
