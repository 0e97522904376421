"""Where Prometheus finds the metrics of a process."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from longrunning.operations import Operations
from longrunning.serving.addresses import Address, StartupError

_log = logging.getLogger(__name__)

_OPTION = "--metrics"


@contextlib.asynccontextmanager
async def serving_metrics(operations: Operations, where: str | None) -> AsyncIterator[None]:
    """Serves the metrics of operations, over HTTP, for as long as it is entered.

    They are those of the `Metrics` among the observers, and what else is in its registry; without
    one there, the operations get one. It has to be entered before the operations are opened.

    Args:
        operations: are observed.
        where: `HOST:PORT`; port 0 takes a free one. None serves nothing, and imports nothing.

    Raises:
        StartupError: the address is not usable, or the extra `telemetry` is not installed.
    """
    if where is None:
        yield
        return
    address = Address.parse(where, _OPTION)
    try:
        from longrunning.telemetry import Metrics  # noqa: PLC0415 - an extra
    except ImportError:
        raise StartupError(
            f"{_OPTION} needs the extra 'telemetry': pip install 'longrunning[telemetry]'"
        ) from None
    from prometheus_client import start_http_server  # noqa: PLC0415 - it is there: see above

    metrics = next((each for each in operations.observers if isinstance(each, Metrics)), None)
    if metrics is None:
        metrics = Metrics()
        operations.observers = (*operations.observers, metrics)
    # A server of the library tells less of what is wrong, so a plain socket is asked first.
    address.listen(_OPTION).close()
    try:
        server, thread = start_http_server(address.port, address.host, metrics.registry)
    except OSError as error:
        raise address.unusable(_OPTION, error.strerror) from None
    _log.info("metrics are on http://%s/metrics", Address(address.host, server.server_port))
    try:
        yield
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()
