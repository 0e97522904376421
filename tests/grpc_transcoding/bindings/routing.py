"""Routers from bare templates, for tests that need no messages."""

from types import SimpleNamespace

from grpc_transcoding.bindings.binding import Binding
from grpc_transcoding.bindings.router import Match, Router
from grpc_transcoding.path_templates import Unescape, parse_template


def binding(index: int, http_method: str, template: str, selector: str = "pkg.Service.Method"):
    return Binding(
        method=SimpleNamespace(full_name=selector),
        http_method=http_method,
        template=parse_template(template),
        body="",
        response_body="",
        source="test",
        index=index,
    )


def router_of(rules, unescape=Unescape.ALL_BUT_SLASH):
    """Returns a router of (HTTP method, template) pairs, and its faults."""
    router = Router(unescape=unescape)
    faults = router.add_all(
        [binding(index, method, template) for index, (method, template) in enumerate(rules)]
    )
    return router, faults


def found(router, method: str, path: str):
    """Returns (index of the rule, captures), or what else was found."""
    match = router.find(method, path.encode())
    if isinstance(match, Match):
        return match.binding.index, dict(match.captures)
    return match
