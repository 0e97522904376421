"""The service files that are shipped: each binds exactly what its service publishes.

The facts are those of googleapis/googleapis at f8291d2b (Apache-2.0), and for Speech v1beta1 and
the `:cancel` of Text-to-Speech those of the methods' pages.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from grpc_transcoding import load_service_config, routes
from longrunning.services import OPERATIONS, find_service_config, left_out

CLOUD = "https://www.googleapis.com/auth/cloud-platform"
DIALOGFLOW = "https://www.googleapis.com/auth/dialogflow"


class Published(NamedTuple):
    """What a service publishes of its operations.

    Attributes:
        name: of the service.
        api: one of its interfaces, which starts operations.
        bindings: method, HTTP method, path, and body if there is one.
        scopes: any one of which lets a caller in.
        deadlines: in seconds, for the methods that have one.
    """

    name: str
    api: str
    bindings: str
    scopes: tuple[str, ...] = (CLOUD,)
    deadlines: dict[str, float] = {}  # noqa: RUF012 - a table is not written to


SERVICES = {
    "speech_v1beta1": Published(
        "v1beta1.speech.googleapis.com",
        "google.cloud.speech.v1beta1.Speech",
        """
        ListOperations  GET    /v1beta1/operations
        GetOperation    GET    /v1beta1/operations/{name}
        DeleteOperation DELETE /v1beta1/operations/{name}
        CancelOperation POST   /v1beta1/operations/{name}:cancel
        """,
    ),
    "speech_v1": Published(
        "speech.googleapis.com",
        "google.cloud.speech.v1.Speech",
        """
        ListOperations  GET    /v1/operations
        GetOperation    GET    /v1/operations/{name=**}
        """,
        deadlines={"ListOperations": 355, "GetOperation": 355},
    ),
    "texttospeech_v1": Published(
        "texttospeech.googleapis.com",
        "google.cloud.texttospeech.v1.TextToSpeechLongAudioSynthesize",
        """
        ListOperations  GET    /v1/{name=projects/*/locations/*}/operations
        GetOperation    GET    /v1/{name=projects/*/locations/*/operations/*}
        CancelOperation POST   /v1/{name=operations/**}:cancel
        CancelOperation POST   /v1/{name=projects/*/locations/*/operations/*}:cancel
        """,
    ),
    "dataproc_v1": Published(
        "dataproc.googleapis.com",
        "google.cloud.dataproc.v1.JobController",
        """
        ListOperations  GET    /v1/{name=projects/*/regions/*/operations}
        ListOperations  GET    /v1/{name=projects/*/locations/*/operations}
        GetOperation    GET    /v1/{name=projects/*/regions/*/operations/*}
        GetOperation    GET    /v1/{name=projects/*/locations/*/operations/*}
        DeleteOperation DELETE /v1/{name=projects/*/regions/*/operations/*}
        DeleteOperation DELETE /v1/{name=projects/*/locations/*/operations/*}
        CancelOperation POST   /v1/{name=projects/*/regions/*/operations/*}:cancel
        CancelOperation POST   /v1/{name=projects/*/locations/*/operations/*}:cancel
        """,
    ),
    "dialogflow_v2beta1": Published(
        "dialogflow.googleapis.com",
        "google.cloud.dialogflow.v2beta1.Agents",
        """
        ListOperations  GET    /v2beta1/{name=projects/*}/operations
        ListOperations  GET    /v2beta1/{name=projects/*/locations/*}/operations
        GetOperation    GET    /v2beta1/{name=projects/*/operations/*}
        GetOperation    GET    /v2beta1/{name=projects/*/locations/*/operations/*}
        CancelOperation POST   /v2beta1/{name=projects/*/operations/*}:cancel
        CancelOperation POST   /v2beta1/{name=projects/*/locations/*/operations/*}:cancel
        """,
        scopes=(CLOUD, DIALOGFLOW),
    ),
    "automl_v1beta1": Published(
        "automl.googleapis.com",
        "google.cloud.automl.v1beta1.AutoMl",
        """
        ListOperations  GET    /v1beta1/{name=projects/*/locations/*}/operations
        GetOperation    GET    /v1beta1/{name=projects/*/locations/*/operations/*}
        DeleteOperation DELETE /v1beta1/{name=projects/*/locations/*/operations/*}
        CancelOperation POST   /v1beta1/{name=projects/*/locations/*/operations/*}:cancel *
        WaitOperation   POST   /v1beta1/{name=projects/*/locations/*/operations/*}:wait *
        """,
        deadlines={
            "ListOperations": 50,
            "GetOperation": 5,
            "DeleteOperation": 5,
            "CancelOperation": 5,
            "WaitOperation": 300,
        },
    ),
}


def test_every_shipped_file_is_looked_at() -> None:
    folder = Path(__file__).parents[2] / "protos" / "service_configs"
    shipped = {path.stem for path in folder.glob("*.yaml")}
    assert shipped == {*SERVICES, "operations_v1", "scanner_v1"}


@pytest.mark.parametrize(("file", "published"), SERVICES.items(), ids=SERVICES)
def test_a_shipped_file_binds_what_its_service_publishes(file: str, published: Published) -> None:
    table = routes([find_service_config(file)], http_rules=left_out([file]))
    assert table.faults == ()
    bound = {(row.selector, row.http_method, row.path, row.body) for row in table.rows}
    lines = [line.split() for line in published.bindings.strip().splitlines()]
    assert bound == {
        (f"{OPERATIONS}.{method}", verb, path, "".join(body)) for method, verb, path, *body in lines
    }
    assert {row.selector.rpartition(".")[2]: row.deadline for row in table.rows} == {
        method: published.deadlines.get(method) for method, *_ in lines
    }
    assert {row.scopes for row in table.rows} == {tuple((scope,) for scope in published.scopes)}


@pytest.mark.parametrize(("file", "published"), SERVICES.items(), ids=SERVICES)
def test_a_shipped_file_names_its_service_and_what_starts_operations(
    file: str, published: Published
) -> None:
    config = load_service_config(find_service_config(file))
    assert config.name == published.name
    assert {published.api, OPERATIONS} <= set(config.apis)
    starts = config.scopes(f"{published.api}.AnyMethod")
    assert starts == tuple((scope,) for scope in published.scopes)
