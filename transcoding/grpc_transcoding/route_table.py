"""The table of what is bound, and which binding answers a request, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from google.api import http_pb2
from google.protobuf import descriptor_pool

from grpc_transcoding.assembly import Assembly, assemble, services_named_by
from grpc_transcoding.bindings.binding import Binding
from grpc_transcoding.bindings.faults import Fault
from grpc_transcoding.bindings.router import Match
from grpc_transcoding.bindings.service_config import ServiceFile, load_service_config
from grpc_transcoding.calls.servicers import RpcMethod
from grpc_transcoding.errors import shortened
from grpc_transcoding.path_templates import MANY_SEGMENTS, ONE_SEGMENT, PathTemplate
from grpc_transcoding.path_templates.percent import InvalidEscapeError
from grpc_transcoding.path_templates.trie import ANY_METHOD


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRow:
    """One line of the table.

    Attributes:
        http_method: In upper case; `*` is every one.
        path: The template.
        selector: The method that is called.
        body: As in HttpRule.
        response_body: As in HttpRule.
        source: Where the rule is written.
        scopes: The alternatives of OAuth scopes; None when no file says.
        deadline: Seconds, or None.
    """

    http_method: str
    path: str
    selector: str
    body: str
    response_body: str
    source: str
    scopes: tuple[tuple[str, ...], ...] | None
    deadline: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A binding whose template matches a path.

    Attributes:
        row: The binding.
        why: Why it answers, or does not.
    """

    row: RouteRow
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What answers one request, and why.

    Attributes:
        winner: The binding that answers, or None.
        captures: What the path holds, as (field, text).
        why: One sentence.
        candidates: Every binding whose template matches, best first.
    """

    winner: RouteRow | None
    captures: tuple[tuple[str, str], ...]
    why: str
    candidates: tuple[Candidate, ...]


class RouteTable:
    """The routes of one service.

    Attributes:
        rows: One for each binding.
        faults: What is wrong with the rules.
        hidden: Methods that `apis` of a service file leaves out.
    """

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self.rows = tuple(self._row(binding) for binding in assembly.router.bindings)
        self.faults: tuple[Fault, ...] = assembly.faults
        self.hidden = assembly.rules.hidden

    def explain(self, http_method: str, path: str) -> Explanation:
        """Says which binding answers a request.

        Args:
            http_method: In any case.
            path: As a client writes it, percent-encoded; a query is left off.
        """
        http_method = http_method.upper()
        raw = path.partition("?")[0].encode()
        router = self._assembly.router
        try:
            found = router.find(http_method, raw)
            candidates = router.candidates(raw)
        except InvalidEscapeError:
            return _nothing("the path is not UTF-8 once it is percent-decoded: 400")
        if found is None:
            return _nothing(f"no template matches {shortened(path)}: 404")
        if not isinstance(found, Match):
            why = f"the path does not answer {http_method}, but {', '.join(found.allow)}: 405"
            return Explanation(
                winner=None,
                captures=(),
                why=why,
                candidates=self._losers(candidates, None, http_method),
            )
        winner = found.binding
        others = [binding for binding in candidates if binding is not winner]
        rivals = sum(_answers(binding, http_method) for binding in others)
        why = "it is the only template that matches"
        if rivals:
            why = f"it is the most specific of {rivals + 1} bindings that answer {http_method}"
        elif others:
            why = f"it is the only binding of the path that answers {http_method}"
        return Explanation(
            winner=self._row(winner),
            captures=found.captures,
            why=why,
            candidates=(
                Candidate(row=self._row(winner), why="answers"),
                *self._losers(others, winner, http_method),
            ),
        )

    def _losers(
        self, losers: Iterable[Binding], winner: Binding | None, http_method: str
    ) -> tuple[Candidate, ...]:
        return tuple(
            Candidate(row=self._row(loser), why=_why_not(loser, winner, http_method))
            for loser in losers
        )

    def _row(self, binding: Binding) -> RouteRow:
        policy = self._assembly.rules.policies[binding.selector]
        return RouteRow(
            http_method=binding.http_method,
            path=binding.template.text,
            selector=binding.selector,
            body=binding.body,
            response_body=binding.response_body,
            source=binding.source,
            scopes=policy.scopes,
            deadline=policy.deadline,
        )


def routes(
    service_configs: Sequence[ServiceFile],
    *,
    services: Sequence[str] = (),
    http_rules: Iterable[http_pb2.HttpRule] = (),
) -> RouteTable:
    """Returns the table of what service files bind, without any servicer.

    The files are loaded leniently: their faults are in the table.

    Args:
        service_configs: Paths or messages, as for a Transcoder.
        services: Further services whose annotations are bound; those that the files speak of are
            taken as far as their `_pb2` modules have been imported.
        http_rules: Rules from code, as for a Transcoder.

    Raises:
        ServiceConfigError: A file cannot be read.
    """
    configs = tuple(load_service_config(config) for config in service_configs)
    pool = descriptor_pool.Default()
    methods: list[RpcMethod] = []
    for name in dict.fromkeys((*services_named_by(configs), *services)):
        try:
            service = pool.FindServiceByName(name)
        except KeyError:
            continue
        methods.extend(RpcMethod.of(method) for method in service.methods)
    return RouteTable(assemble(methods, configs, http_rules, strict=False))


def _nothing(why: str) -> Explanation:
    return Explanation(winner=None, captures=(), why=why, candidates=())


def _answers(binding: Binding, http_method: str) -> bool:
    named = binding.http_method
    return named in {http_method, ANY_METHOD} or (http_method == "HEAD" and named == "GET")


def _why_not(loser: Binding, winner: Binding | None, http_method: str) -> str:
    if winner is None or not _answers(loser, http_method):
        return f"answers {loser.http_method} only"
    if loser.template.shape == winner.template.shape:
        return f"{winner.http_method} itself is bound to the path"
    if loser.template.verb != winner.template.verb:
        return (
            f"the verb {winner.template.verb!r} is bound for this path, so it is no part of an id"
        )
    at, ours, theirs = _difference(winner.template, loser.template)
    return f"at segment {at}, {ours} beats {theirs}"


def _difference(winner: PathTemplate, loser: PathTemplate) -> tuple[int, str, str]:
    pairs = zip_longest(winner.segments, loser.segments)
    for at, (ours, theirs) in enumerate(pairs, 1):
        if ours != theirs:
            return at, _named(ours), _named(theirs)
    return 1, "the one", "the other"


def _named(segment: object) -> str:
    if segment is None:
        return "the end"
    if segment is ONE_SEGMENT or segment is MANY_SEGMENTS:
        return f"'{segment.value}'"
    return f"the literal {segment!r}"
