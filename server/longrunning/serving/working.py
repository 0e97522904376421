"""A process that only works: it has no ports, and takes what is in a shared store."""

from collections.abc import Callable, Sequence

from longrunning.engines import Engine
from longrunning.serving import process
from longrunning.serving.addresses import StartupError
from longrunning.serving.app import App, shared_operations
from longrunning.serving.metrics_server import serving_metrics
from longrunning.stores import StoreError, store_from_url


async def work(
    apps: Sequence[App],
    *,
    engine: Engine,
    store: str | None,
    drain: float,
    metrics: str | None = None,
    ready: Callable[[str], None],
) -> None:
    """Does the work of the apps' handlers until SIGTERM or SIGINT, and then stops cleanly.

    Args:
        apps: have the handlers; all of the same `Operations`.
        engine: takes the work, instead of the apps' own.
        store: the URL of a store to use in place of the apps' own.
        drain: how long running work may take to finish at the stop, in seconds.
        metrics: where Prometheus finds metrics, `HOST:PORT`; None for nowhere.
        ready: called once, with where the operations are, when work is taken.

    Raises:
        StartupError: the store or the address of the metrics is not usable, or the apps do not
            belong together.
    """
    stop = process.stop_signal()
    operations = shared_operations(apps)
    operations.drain_seconds = drain
    operations.engine = engine
    try:
        if store is not None:
            operations.store = store_from_url(store)
        async with serving_metrics(operations, metrics), operations:
            ready(operations.store.url)
            await stop.wait()
    except StoreError as error:
        raise StartupError(f"the store cannot be opened: {error}") from None
