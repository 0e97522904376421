"""Attacks on other tenants' operations, over gRPC and over REST: they look absent."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from longrunning import App, MemoryStore, OperationNotFound, Operations, PermissionDenied
from longrunning.auth import (
    Authenticated,
    Authorizer,
    Caller,
    JWTVerifier,
    OwnerOnly,
    PrefixGrants,
)
from tests.longrunning.auth.conftest import ALL, scan_app, serving
from tests.longrunning.auth.front import Answer, Front, Headers, RestFront, bearer
from tests.longrunning.auth.issuer import ISSUER, Issuer
from tests.longrunning.conftest import Clock

PARENT = "projects/p/locations/l"
ABSENT = f"{PARENT}/operations/0190a000-0000-7000-8000-000000000000"

_numbers = itertools.count(1)


@pytest.fixture
def app(verifier: JWTVerifier, clock: Clock) -> App:
    return scan_app([verifier], OwnerOnly(), clock)


@pytest.fixture
async def front(app: App, protocol: str) -> AsyncIterator[Front]:
    async with serving(app, protocol) as front:
        yield front


@pytest.fixture
def as_(issuer: Issuer) -> Callable[[str], Headers]:
    return lambda subject: bearer(issuer.token(subject, scope=ALL))


async def scan(front: Front, headers: Headers, parent: str = PARENT, **fields: Any) -> str:
    fields.setdefault("directory", f"d{next(_numbers)}")
    answer = await front.call("Scan", parent, headers, **fields)
    assert answer.code == "OK", answer
    return str(answer.value["name"])


async def names(front: Front, headers: Headers, parent: str, **fields: Any) -> list[str]:
    """Lists to the end."""
    found, token = [], ""
    while True:
        page = {"pageToken": token} if token else {}
        answer = await front.call("List", parent, headers, **fields, **page)
        assert answer.code == "OK", answer
        found += [each["name"] for each in answer.value.get("operations", ())]
        token = answer.value.get("nextPageToken", "")
        if not token:
            return found


def with_name(answer: Answer, name: str) -> str:
    """Everything that an answer says, with one name in place of the operation's."""
    return repr(answer.raw).replace(name, ABSENT)


@pytest.mark.parametrize("method", ["Get", "Cancel", "Delete", "Wait"])
async def test_another_tenants_operation_is_absent_byte_for_byte(
    front: Front, as_: Callable[[str], Headers], app: App, method: str
) -> None:
    theirs = await scan(front, as_("alice"))
    refused = await front.call(method, theirs, as_("bob"))
    absent = await front.call(method, ABSENT, as_("bob"))
    assert (absent.code, absent.reason) == ("NOT_FOUND", "OPERATION_NOT_FOUND")
    assert with_name(refused, theirs) == with_name(absent, ABSENT)
    # Nothing has become of it, and its owner may do what the other may not.
    assert (await app.operations.wait(theirs, 5)).HasField("response")
    assert (await front.call(method, theirs, as_("alice"))).code == "OK"


@pytest.mark.parametrize("method", ["Get", "Cancel", "Delete", "Wait"])
async def test_a_malformed_name_is_refused_whoever_asks(
    front: Front, as_: Callable[[str], Headers], method: str
) -> None:
    answer = await front.call(method, "operations/x/y", as_("bob"))
    assert answer.code == "INVALID_ARGUMENT"


async def test_what_the_service_itself_started_has_no_owner(
    front: Front, as_: Callable[[str], Headers], app: App
) -> None:
    name = (await app.operations.create(parent=PARENT)).name
    assert (await front.call("Get", name, as_("bob"))).code == "NOT_FOUND"
    assert await names(front, as_("bob"), PARENT) == []
    assert (await app.operations.get(name)).name == name


@pytest.mark.parametrize("parent", [PARENT, "projects/-/locations/-", "projects/p/locations/-"])
async def test_a_list_shows_only_what_its_caller_may_see(
    front: Front, as_: Callable[[str], Headers], app: App, parent: str
) -> None:
    mine = []
    for number in range(5):
        await scan(front, as_("alice"))
        mine.append(await scan(front, as_("bob"), request_id=f"r{number}"))
    for page_size in (1, 2, 50):
        assert await names(front, as_("bob"), parent, pageSize=page_size) == mine[::-1]
    assert len((await app.operations.list(parent)).operations) == 10
    assert await names(front, as_("carol"), parent) == []


async def test_filters_find_nothing_of_another_tenant(
    front: Front, as_: Callable[[str], Headers], app: App
) -> None:
    theirs = await scan(front, as_("alice"), directory="secret")
    await app.operations.wait(theirs, 5)
    for guess in (
        f'name="{theirs}"',
        f'name:"{theirs[-12:]}"',
        f"name!={ABSENT}",
        "done=true",
        "response.bytes_total=6",
        "NOT name:x",
        theirs,
    ):
        for parent in (PARENT, "projects/-/locations/-"):
            assert await names(front, as_("bob"), parent, filter=guess) == []
    assert await names(front, as_("alice"), PARENT, filter="response.bytes_total=6") == [theirs]


async def test_a_page_token_of_another_caller_is_refused(
    front: Front, as_: Callable[[str], Headers]
) -> None:
    for _ in range(3):
        await scan(front, as_("alice"))
        await scan(front, as_("bob"))
    first = await front.call("List", PARENT, as_("alice"), pageSize=1)
    token = first.value["nextPageToken"]
    answer = await front.call("List", PARENT, as_("bob"), pageSize=1, pageToken=token)
    assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")
    again = await front.call("List", PARENT, as_("alice"), pageSize=1, pageToken=token)
    assert len(again.value["operations"]) == 1


async def test_a_request_id_is_of_one_caller(front: Front, as_: Callable[[str], Headers]) -> None:
    one = await scan(front, as_("alice"), request_id="r", directory="a")
    other = await scan(front, as_("bob"), request_id="r", directory="b")
    assert one != other
    assert await scan(front, as_("alice"), request_id="r", directory="a") == one
    clash = await front.call("Scan", PARENT, as_("bob"), request_id="r", directory="a")
    assert clash.code == "ALREADY_EXISTS"


async def test_a_conflict_does_not_name_another_tenants_operation(
    app: App, front: Front, as_: Callable[[str], Headers]
) -> None:
    from longrunning import WorkersElsewhere

    # Nobody does the work, so it stays under way.
    await app.operations.engine.stop(0)
    app.operations.engine = WorkersElsewhere()
    theirs = await scan(front, as_("alice"), directory="same")
    hidden = await front.call("Scan", PARENT, as_("bob"), directory="same")
    assert (hidden.code, hidden.reason) == ("ABORTED", "OPERATION_CONFLICT")
    assert theirs not in repr(hidden.raw)
    assert theirs.rpartition("/")[2] not in repr(hidden.raw)
    own = await front.call("Scan", PARENT, as_("alice"), directory="same")
    assert theirs in own.message


async def test_a_wait_ends_as_absent_when_the_permission_is_gone(
    verifier: JWTVerifier, clock: Clock, as_: Callable[[str], Headers], protocol: str
) -> None:
    class Revocable(Authenticated):
        allowed = True

        async def may_use(self, access: object, record: object) -> bool:
            return self.allowed

    authorizer = Revocable()
    app = scan_app([verifier], authorizer, clock)
    async with serving(app, protocol) as front:
        name = (await app.operations.create(parent=PARENT)).name
        waiting = asyncio.create_task(front.call("Wait", name, as_("bob"), timeout="10s"))
        while not app.operations._open.waiters._waiting:
            await asyncio.sleep(0.01)
        authorizer.allowed = False
        await app.operations.succeed(name)
        assert (await waiting).code == "NOT_FOUND"


GRANTS = f"""
{ISSUER}#alice:
  projects/p: ['*']
{ISSUER}#bob:
  projects/p/locations/here: [google.longrunning.Operations.*]
  projects/other:
  - google.longrunning.Operations.GetOperation
allAuthenticatedUsers:
  projects/public: [google.longrunning.Operations.ListOperations]
"""


@pytest.fixture
def grants_file(tmp_path: Path) -> Path:
    path = tmp_path / "grants.yaml"
    path.write_text(GRANTS)
    return path


@pytest.fixture
async def granted(
    verifier: JWTVerifier, clock: Clock, protocol: str, grants_file: Path
) -> AsyncIterator[tuple[Front, App]]:
    app = scan_app([verifier], PrefixGrants(grants_file), clock)
    async with serving(app, protocol) as front:
        yield front, app


async def test_permission_comes_before_existence(
    granted: tuple[Front, App], as_: Callable[[str], Headers]
) -> None:
    front, app = granted
    there = (await app.operations.create(parent=PARENT)).name
    for method in ("Get", "Cancel", "Delete", "Wait"):
        refused = await front.call(method, there, as_("bob"))
        absent = await front.call(method, ABSENT, as_("bob"))
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "IAM_PERMISSION_DENIED")
        assert refused.http_status in (None, 403)
        assert refused.raw == absent.raw
        assert (await front.call(method, ABSENT, as_("alice"))).code == "NOT_FOUND"
    assert refused.message == (
        "Permission for google.longrunning.Operations.WaitOperation denied on "
        f"'{PARENT}' (or it may not exist)."
    )
    for parent in (PARENT, "projects/none/locations/l"):
        assert (await front.call("List", parent, as_("bob"))).code == "PERMISSION_DENIED"
    assert (await app.operations.get(there)).name == there


async def test_starting_needs_permission_on_the_parent(
    granted: tuple[Front, App], as_: Callable[[str], Headers]
) -> None:
    front, app = granted
    await scan(front, as_("alice"))
    for caller, parent in (
        ("bob", "projects/p/locations/here"),
        ("alice", "projects/pp/locations/l"),
    ):
        answer = await front.call("Scan", parent, as_(caller), directory="d")
        assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "IAM_PERMISSION_DENIED")
    listed = await app.operations.list("projects/-/locations/-")
    assert [each.name.rpartition("/operations/")[0] for each in listed.operations] == [PARENT]


async def test_wildcards_show_what_is_granted_and_nothing_else(
    granted: tuple[Front, App], as_: Callable[[str], Headers]
) -> None:
    front, app = granted
    by_parent = {}
    for parent in (
        "projects/p/locations/here",
        "projects/p/locations/there",
        "projects/other/locations/here",
        "projects/public/locations/here",
    ):
        by_parent[parent] = (await app.operations.create(parent=parent)).name
    everywhere = "projects/-/locations/-"
    p_here, p_there, _, public = by_parent.values()
    assert await names(front, as_("alice"), everywhere) == [public, p_there, p_here]
    assert await names(front, as_("bob"), everywhere) == [public, p_here]
    assert await names(front, as_("bob"), everywhere, pageSize=1) == [public, p_here]
    assert await names(front, as_("carol"), everywhere) == [public]
    assert (await front.call("Get", public, as_("carol"))).code == "PERMISSION_DENIED"


async def test_operations_without_a_parent_need_a_grant_for_every_parent(
    granted: tuple[Front, App], as_: Callable[[str], Headers], grants_file: Path
) -> None:
    front, app = granted
    name = (await app.operations.create()).name
    # Names without a parent tell nothing: whoever may Get anything at all finds it absent.
    refused = await front.call("Get", name, as_("alice"))
    unknown = "operations/0190a000-0000-7000-8000-000000000000"
    absent = await front.call("Get", unknown, as_("alice"))
    assert absent.code == "NOT_FOUND"
    assert repr(refused.raw).replace(name, unknown) == repr(absent.raw)
    assert (await front.call("List", "", as_("alice"))).code == "PERMISSION_DENIED"
    await asyncio.to_thread(grants_file.write_text, f"{GRANTS}\n{ISSUER}#root: {{'*': ['*']}}\n")
    assert (await front.call("Get", name, as_("root"))).code == "OK"
    assert (await front.call("List", "", as_("root"))).code == "OK"


async def test_a_revoked_grant_counts_at_once_also_where_the_reply_is_cached(
    granted: tuple[Front, App], as_: Callable[[str], Headers], grants_file: Path
) -> None:
    front, app = granted
    name = (await app.operations.create(parent=PARENT)).name
    for _ in range(3):
        assert (await front.call("Get", name, as_("alice"))).code == "OK"
    await asyncio.to_thread(grants_file.write_text, GRANTS.replace("#alice", "#somebody"))
    assert (await front.call("Get", name, as_("alice"))).code == "PERMISSION_DENIED"


async def test_a_grant_that_is_revoked_ends_a_wait_without_the_operation(
    granted: tuple[Front, App], as_: Callable[[str], Headers], grants_file: Path
) -> None:
    front, app = granted
    name = (await app.operations.create(parent=PARENT)).name
    waiting = asyncio.create_task(front.call("Wait", name, as_("alice"), timeout="10s"))
    while not app.operations._open.waiters._waiting:
        await asyncio.sleep(0.01)
    await asyncio.to_thread(grants_file.write_text, GRANTS.replace("#alice", "#somebody"))
    await app.operations.succeed(name)
    answer = await waiting
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "IAM_PERMISSION_DENIED")


async def test_an_authorizer_without_authentication_refuses_everybody(
    clock: Clock, protocol: str, verifier: JWTVerifier
) -> None:
    for authorizer in (Authenticated(), OwnerOnly()):
        guarded = scan_app([verifier], authorizer, clock)
        app = App(
            guarded.operations,
            servicers=guarded._servicers,
            service_configs=guarded._service_configs,
        )
        async with serving(app, protocol) as front:
            for method, name in (("Get", ABSENT), ("List", PARENT), ("Scan", PARENT)):
                answer = await front.call(method, name, [])
                assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "CREDENTIALS_MISSING")
                assert answer.challenge
                if isinstance(front, RestFront):
                    assert answer.http_status == 401


async def test_without_an_authorizer_everyone_sees_everything(
    verifier: JWTVerifier, clock: Clock, protocol: str, as_: Callable[[str], Headers]
) -> None:
    async with serving(scan_app([verifier], None, clock), protocol) as front:
        name = await scan(front, as_("alice"))
        assert (await front.call("Get", name, as_("bob"))).code == "OK"
        assert await names(front, as_("bob"), PARENT) == [name]


@pytest.mark.parametrize("authorizer", [OwnerOnly(), Authenticated()])
async def test_a_custom_authorizer_is_told_what_is_asked(
    verifier: JWTVerifier, clock: Clock, as_: Callable[[str], Headers], authorizer: Authorizer
) -> None:
    asked: list[tuple[str, str | None]] = []

    class Recording:
        async def may_call(self, access: Any) -> bool:
            asked.append((access.method.rpartition(".")[2], access.parent))
            assert access.caller.id == f"{ISSUER}#alice"
            assert access.service == ""
            return await authorizer.may_call(access)

        async def may_use(self, access: Any, record: Any) -> bool:
            asked.append((access.method.rpartition(".")[2], record.name))
            return await authorizer.may_use(access, record)

    async with serving(scan_app([verifier], Recording(), clock), "gRPC") as front:
        name = await scan(front, as_("alice"))
        await front.call("Get", name, as_("alice"))
        await front.call("List", "projects/-/locations/l", as_("alice"))
    assert asked == [
        ("scan", PARENT),
        ("GetOperation", PARENT),
        ("GetOperation", name),
        ("ListOperations", None),
        ("ListOperations", PARENT),
        ("ListOperations", name),
    ]


async def test_a_name_that_does_not_show_its_parent_tells_nothing(
    clock: Clock, grants_file: Path
) -> None:
    operations = Operations(MemoryStore(), authorizer=PrefixGrants(grants_file), clock=clock)
    door = operations.for_service("speech_v1", name_format="{id}")
    alice, bob = (Caller(subject=name, issuer=ISSUER) for name in ("alice", "bob"))
    method = "google.cloud.speech.v1.Speech/LongRunningRecognize"
    async with operations:
        name = (await operations.create(parent=PARENT, method=method)).name
        assert (await door.get(name, caller=alice)).name == name
        refusals = []
        for asked in (name, "absent"):
            with pytest.raises(OperationNotFound) as refused:
                await door.get(asked, caller=bob)
            refusals.append(repr(vars(refused.value)).replace(asked, "absent"))
        assert refusals[0] == refusals[1]
        with pytest.raises(PermissionDenied):
            await door.get(name, caller=Caller(subject="carol", issuer=ISSUER))


def test_nothing_that_checks_tokens_is_imported_unless_it_is_used() -> None:
    code = (
        "import sys\n"
        "from longrunning import App, MemoryStore, Operations\n"
        "App(Operations(MemoryStore()))\n"
        "print({'jwt', 'httpx', 'cryptography'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout == "set()\n"


@pytest.mark.parametrize("missing", ["jwt", "httpx", "cryptography"])
def test_a_verifier_without_the_extra_says_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from longrunning.auth import JWTVerifier"
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert ran.stderr.endswith(
        "ImportError: JWTVerifier needs the extra 'auth': pip install 'longrunning[auth]'\n"
    )
