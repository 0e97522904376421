"""What each door has, leaves out, and hides: over gRPC and over plain HTTP, without any client."""

import itertools
import re

import grpc
import pytest
import requests
from grpc_status import rpc_status

from tests.clients.google_services.conftest import Places
from tests.clients.google_services.door import SHARED, Door
from tests.clients.google_services.test_clients import error_info
from tests.clients.google_services.works import (
    ALL,
    AutoMl,
    Dataproc,
    Dialogflow,
    SpeechBeta,
    TextToSpeech,
    Work,
)

HTTP = {"Delete": ("DELETE", ""), "Cancel": ("POST", ":cancel"), "Wait": ("POST", ":wait")}
METHODS = ("List", "Get", "Delete", "Cancel", "Wait")
LEFT_OUT = [
    pytest.param(work, method, id=f"{work.__name__}-{method}")
    for work, method in itertools.product(ALL, METHODS)
    if method not in work.offers
]
PAIRS = [
    pytest.param(work, other, id=f"{work.__name__}-{other.__name__}")
    for work, other in itertools.permutations(ALL, 2)
]


def test_the_banner_says_what_listens_where(places: Places):
    assert list(places.grpc) == [
        "speech.googleapis.com",
        "v1beta1.speech.googleapis.com",
        "texttospeech.googleapis.com",
        "dataproc.googleapis.com",
        "dialogflow.googleapis.com",
        "automl.googleapis.com",
    ]
    address = r"127\.0\.0\.1:\d+"
    for line in places.banner[:-1]:
        assert re.fullmatch(rf"lro: \S+: gRPC on {address} and HTTP on http://{address}", line)
    assert re.fullmatch(
        rf"lro: serving 6 services, HTTP by Host on http://{address}, operations in sqlite:\S+",
        places.banner[-1],
    )


@pytest.mark.parametrize(("work", "method"), LEFT_OUT)
def test_left_out_over_grpc(work: type[Work], method: str, door_to):
    door: Door = door_to(work)
    name = door.done
    with pytest.raises(grpc.RpcError) as refused:
        door.call(method, name)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    info = error_info(rpc_status.from_call(refused.value))
    assert info.reason == "METHOD_NOT_OFFERED"
    assert dict(info.metadata) == {"service": work.host, "method": f"{method}Operation"}
    assert door.call("Get", name).done


@pytest.mark.parametrize(("work", "method"), LEFT_OUT)
def test_left_out_over_rest(work: type[Work], method: str, door_to):
    door: Door = door_to(work)
    name = door.done
    verb, suffix = HTTP[method]
    reply = requests.request(verb, door.url(name) + suffix, timeout=30)
    assert reply.status_code == 405
    assert reply.json()["error"]["status"] == "UNIMPLEMENTED"
    allowed = {each.strip() for each in reply.headers["Allow"].split(",")}
    assert "GET" in allowed
    assert verb not in allowed
    assert door.call("Get", name).done


@pytest.mark.parametrize(("work", "other"), PAIRS)
def test_an_operation_is_seen_through_its_own_door_only(
    work: type[Work], other: type[Work], door_to
):
    door, elsewhere = door_to(work), door_to(other)
    name = door.done
    absent = f"{name[:-1]}{'0' if name[-1] != '0' else '1'}"
    for method in sorted(other.offers - {"List"}):
        refusals = []
        for asked in (name, absent):
            with pytest.raises(grpc.RpcError) as refused:
                elsewhere.call(method, asked)
            assert refused.value.code() in (
                grpc.StatusCode.NOT_FOUND,
                grpc.StatusCode.INVALID_ARGUMENT,  # a name that the other service never writes
            )
            refusals.append(str(refused.value.details()).replace(asked, "NAME"))
        assert refusals[0] == refusals[1]
    parent, filter_ = door.work.parent(SHARED), f'name = "{name}"'
    assert elsewhere.list(parent, filter_) == []
    assert door.list(parent, filter_) == [name]
    assert door.call("Get", name).done


def test_services_that_claim_the_same_path_do_not_meet(door_to):
    speaking, counting = door_to(TextToSpeech), door_to(Dataproc)
    name = speaking.done
    path = f"/v1/{name}"
    assert requests.get(speaking.http + path, timeout=30).json()["name"] == name
    refused = requests.get(counting.http + path, timeout=30)
    assert (refused.status_code, refused.json()["error"]["status"]) == (404, "NOT_FOUND")
    refused = requests.post(f"{counting.http}{path}:cancel", timeout=30)
    assert refused.status_code == 404
    collection = f"/v1/projects/{SHARED}/locations/here/operations"
    assert len(requests.get(speaking.http + collection, timeout=30).json()["operations"]) == 1
    assert requests.get(counting.http + collection, timeout=30).json() == {}


@pytest.mark.parametrize(
    "host", ["{host}", "{host}:443", "{HOST}"], ids=["name", "with a port", "in capitals"]
)
def test_one_port_chooses_by_host(work: Work, door_to, places: Places, host: str):
    door: Door = door_to(type(work))
    name = door.done
    said = host.format(host=work.host, HOST=work.host.upper())
    url = door.url(name).replace(door.http, places.by_host)
    reply = requests.get(url, headers={"Host": said}, timeout=30)
    assert (reply.status_code, reply.json()["name"]) == (200, name)


def test_the_host_decides_between_services_with_the_same_path(door_to, places: Places):
    name = door_to(TextToSpeech).done
    hosts = {TextToSpeech.host: 200, Dataproc.host: 404}
    for host, status in hosts.items():
        url = f"{places.by_host}/v1/{name}"
        assert requests.get(url, headers={"Host": host}, timeout=30).status_code == status


@pytest.mark.parametrize("host", ["example.com", "googleapis.com", "x.speech.googleapis.com"])
def test_a_host_of_no_service_is_refused(places: Places, host: str):
    reply = requests.get(f"{places.by_host}/v1/operations", headers={"Host": host}, timeout=30)
    assert (reply.status_code, reply.headers["Content-Type"]) == (404, "application/json")
    error = reply.json()["error"]
    assert (error["code"], error["status"]) == (404, "NOT_FOUND")
    assert error["details"][0]["reason"] == "HOST_UNKNOWN"


# Where the body of a cancellation has to be empty: a service, and a parent of its operations.
BODILESS = [
    (SpeechBeta, None),
    (TextToSpeech, ""),
    (TextToSpeech, "projects/{key}/locations/here"),
    (Dataproc, None),
    (Dialogflow, "projects/{key}"),
    (Dialogflow, "projects/{key}/locations/here"),
]
WRONG_BODIES = (b'{"force": true}', b'{"name": "another"}', b'{"name": 1}', b"[]", b"cancel")
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(("work", "parent"), BODILESS)
@pytest.mark.parametrize("body", [b"", b"{}", b" "], ids=["nothing", "an object", "a space"])
def test_a_body_that_is_not_empty_cancels_nothing(
    work: type[Work], parent: str | None, body: bytes, door_to, key: str
):
    door: Door = door_to(work)
    name = door.start("long", key, parent and parent.format(key=key))
    url = f"{door.url(name)}:cancel"
    for wrong in WRONG_BODIES:
        reply = requests.post(url, data=wrong, headers=JSON, timeout=30)
        assert (reply.status_code, reply.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert not door.proceed(name).done
    reply = requests.post(url, data=body, headers=JSON, timeout=30)
    assert (reply.status_code, reply.json()) == (200, {})
    assert door.wait(name).error.code == 1


def test_wait_over_grpc(door_to, key: str):
    door: Door = door_to(AutoMl)
    started = door.start("quick", key)
    assert door.call("Wait", started).done


def test_wait_over_rest(door_to, key: str):
    door: Door = door_to(AutoMl)
    name = door.start("quick", key)
    reply = requests.post(door.url(name) + ":wait", json={"timeout": "20s"}, timeout=30)
    assert reply.json()["done"] is True
    assert reply.json()["response"] == {"@type": "type.googleapis.com/google.protobuf.Empty"}


def test_a_wait_that_runs_out_over_rest(door_to, key: str):
    door: Door = door_to(AutoMl)
    name = door.start("long", key)
    reply = requests.post(door.url(name) + ":wait", json={"timeout": "0.1s"}, timeout=30)
    assert reply.status_code == 200
    assert "done" not in reply.json()
    assert requests.post(door.url(name) + ":cancel", json={"name": name}, timeout=30).json() == {}
    assert door.wait(name).error.code == 1
