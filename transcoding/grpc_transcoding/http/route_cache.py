"""The routes of the paths that were asked for last: pollers ask for the same ones again."""

from __future__ import annotations

from grpc_transcoding.http.endpoint import Endpoint

_ENTRIES = 4096
_LONGEST_PATH = 512
_LONGEST_METHOD = 32


class Route:
    """What answers a path, and what the path holds.

    Attributes:
        endpoint: What answers.
        captures: Field paths and their text.
        fields: The same as arguments of the request's class, if a path can say all of a request.
    """

    __slots__ = ("captures", "endpoint", "fields")

    def __init__(self, endpoint: Endpoint, captures: tuple[tuple[str, str], ...]) -> None:
        self.endpoint = endpoint
        self.captures = captures
        self.fields = dict(captures) if endpoint.path_may_say_all else None


class RouteCache:
    """At most 4,096 routes of paths of at most 512 bytes: the oldest one makes room."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, bytes], Route] = {}

    def get(self, method: str, raw_path: bytes) -> Route | None:
        """Returns the route that was found for a path before, or None."""
        return self._routes.get((method, raw_path))

    def put(self, method: str, raw_path: bytes, route: Route) -> None:
        """Keeps a route, if its path is not too long, nor its method, which may be any."""
        if len(raw_path) > _LONGEST_PATH or len(method) > _LONGEST_METHOD:
            return
        if len(self._routes) >= _ENTRIES:
            del self._routes[next(iter(self._routes))]
        self._routes[method, raw_path] = route
