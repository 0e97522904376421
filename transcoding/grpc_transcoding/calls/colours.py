"""Async or sync: interceptors and servicers of one chain are of one colour.

A `grpc.aio.server` refuses sync interceptors; a `grpc.server` takes async ones without a word and
then fails. Here both are refused when the transcoder is built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

import grpc
import grpc.aio

from grpc_transcoding.calls.backend import Backend
from grpc_transcoding.calls.in_process import InProcessBackend
from grpc_transcoding.calls.servicers import Servicers
from grpc_transcoding.calls.sync_chain import SyncBackend

Interceptor = grpc.aio.ServerInterceptor | grpc.ServerInterceptor


def check_interceptors(interceptors: Sequence[Interceptor]) -> None:
    """Refuses interceptors of two colours.

    Raises:
        TypeError: They are mixed, or one of them is no interceptor.
    """
    colours = set()
    for interceptor in interceptors:
        if isinstance(interceptor, grpc.aio.ServerInterceptor):
            colours.add("async")
        elif isinstance(interceptor, grpc.ServerInterceptor):
            colours.add("sync")
        else:
            raise TypeError(
                f"{type(interceptor).__name__} is no interceptor: it should be a"
                " grpc.aio.ServerInterceptor, or a grpc.ServerInterceptor for sync servicers"
            )
    if len(colours) > 1:
        raise TypeError(
            "the interceptors are of two colours: they should all be grpc.aio.ServerInterceptor,"
            " or all grpc.ServerInterceptor"
        )


def backend_for(
    servicers: Servicers, interceptors: Sequence[Interceptor], executor: Executor | None
) -> Backend:
    """Returns what calls the servicers, in the colour of the interceptors.

    Raises:
        TypeError: A servicer is of the other colour.
    """
    if not interceptors:
        return InProcessBackend(servicers, (), executor)
    _check_servicers(servicers.colours(), is_async=_are_async(interceptors))
    in_async = [i for i in interceptors if isinstance(i, grpc.aio.ServerInterceptor)]
    if in_async:
        return InProcessBackend(servicers, in_async, executor)
    in_sync = [i for i in interceptors if isinstance(i, grpc.ServerInterceptor)]
    return SyncBackend(servicers, in_sync, executor)


def _are_async(interceptors: Sequence[Interceptor]) -> bool:
    return isinstance(interceptors[0], grpc.aio.ServerInterceptor)


def _check_servicers(colours: Mapping[str, bool | None], *, is_async: bool) -> None:
    for service, colour in colours.items():
        if colour is (not is_async):
            theirs = "async" if is_async else "sync"
            ours = "sync" if is_async else "async"
            raise TypeError(
                f"the servicer of {service} is {ours}, but the interceptors are {theirs}:"
                " give both the same colour"
            )
