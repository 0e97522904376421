"""One Ray cluster of three nodes for the session, and a service whose work it does."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from longrunning import Operations, RayEngine
from tests.longrunning.engines.ray.service import Folder, build
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.storages import PostgresSchema

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

try:
    import ray
    from ray.cluster_utils import Cluster
except ModuleNotFoundError:
    raise RuntimeError("Ray for the tests is missing: pip install --group check (ray)") from None

TARGET = "tests.longrunning.engines.ray.service:operations"


class Nodes:
    """A head that does no work, and two nodes that do; one of them has a gadget."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        try:
            self.cluster.add_node(num_cpus=0, include_dashboard=False)
            self.nodes = [self._add(gadget=1), self._add()]
            self.cluster.wait_for_nodes()
        except BaseException:
            self.cluster.shutdown()
            raise

    @classmethod
    def patiently(cls) -> "Nodes":
        """Returns a cluster, a second one if Ray gives up one of the first one's nodes.

        On a busy machine it was seen to wait 30 seconds in vain for the head to tell of a node that
        had been there after 2.
        """
        try:
            return cls()
        except Exception as error:  # it has no class of its own
            if "timed out during startup" not in str(error):
                raise
            return cls()

    def _add(self, **custom: float) -> Any:
        return self.cluster.add_node(
            wait=False,
            num_cpus=2,
            resources=custom | {"removable": 1},
            object_store_memory=80 * 2**20,
        )

    @property
    def gadget(self) -> str:
        """The id of the node that has the gadget."""
        return self.nodes[0].node_id

    def remove(self, node_id: str) -> None:
        """Removes a node as a power cut would, and adds another one of its kind."""
        (number,) = [number for number, node in enumerate(self.nodes) if node.node_id == node_id]
        self.cluster.remove_node(self.nodes[number], allow_graceful=False)
        self.nodes[number] = self._add(**({"gadget": 1} if number == 0 else {}))


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    made = Nodes.patiently()
    terminated = signal.getsignal(signal.SIGTERM)
    ray.init(made.cluster.address, namespace="longrunning", log_to_driver=False)
    signal.signal(signal.SIGTERM, terminated)  # Ray has put its own in place
    yield made
    ray.shutdown()
    made.cluster.shutdown()


@pytest.fixture(scope="session")
def schema(postgres: PostgresServer) -> Iterator[PostgresSchema]:
    made = PostgresSchema(postgres)
    yield made
    made.remove()


class Service:
    """Makes Operations, as API servers do, on one store and one cluster."""

    def __init__(self, nodes: Nodes, schema: PostgresSchema, **options: Any) -> None:
        self.options = options
        self.nodes = nodes
        self.schema = schema
        self.url = f"{schema.server.url}&schema={schema.schema}"

    def engine(self, **options: Any) -> RayEngine:
        given = {
            "address": self.nodes.cluster.address,
            "store": self.url,
            "lease_seconds": 3.0,
            "sweep_seconds": 0.2,
            "resend_seconds": 0.2,
        }
        return RayEngine(options.pop("target", TARGET), **given | self.options | options)

    def operations(self, **options: Any) -> Operations:
        return build(self.schema.store(), engine=self.engine(**options))


@pytest.fixture(scope="session")
def service(nodes: Nodes, schema: PostgresSchema) -> Service:
    return Service(nodes, schema)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def operations(service: Service) -> AsyncIterator[Operations]:
    """An open one, for all tests."""
    async with service.operations() as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
