"""One process of `lro serve`, which may be one of several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from longrunning.commands.failure import Failure
from longrunning.commands.observation import Observation
from longrunning.commands.transport import Transport

if TYPE_CHECKING:
    from longrunning import App

# ruff: noqa: PLC0415 - `lro --help` reads this module, only `lro serve` needs the server


class Where(TypedDict):
    """The addresses that were given on the command line, `HOST:PORT` each.

    Attributes:
        grpc: of gRPC.
        http: of REST.
        http_by_host: of all services together; None for none.
        metrics: of the metrics; None for none.
    """

    grpc: str
    http: str
    http_by_host: str | None
    metrics: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingProcess:
    """What a process serves, as given on the command line; another process can be handed it.

    Attributes:
        apps: where they are, `MODULE:APP` each.
        store: the URL of a store to use in place of theirs.
        no_work: whether the work is left to others.
        drain: how long running work may go on at the stop, in seconds.
        allow_unauthenticated: serve other machines, though an app has no authenticator.
        observation: how it logs.
        transport: how it speaks to its callers.
    """

    apps: tuple[str, ...]
    store: str | None
    no_work: bool
    drain: float
    allow_unauthenticated: bool
    observation: Observation
    transport: Transport

    def load(self) -> Sequence["App"]:
        """Returns the apps.

        Raises:
            Failure: one cannot be had.
        """
        from longrunning.commands.loading import load_apps

        debug = self.observation.debug
        return [each for target in self.apps for each in load_apps(target, debug=debug)]

    def serve(self, apps: Sequence["App"], **where: Any) -> None:  # noqa: ANN401 - of serving.serve
        """Serves until it is told to stop.

        Args:
            apps: what was loaded.
            where: the other arguments of `serving.serve`.

        Raises:
            Failure: it cannot start.
        """
        from longrunning import WorkersElsewhere, serving
        from longrunning.commands.loading import explain

        certificate, limits = self.transport.certificate(), self.transport.limits()
        self.observation.set_up_logging()
        try:
            serving.run(
                serving.serve(
                    apps,
                    store=self.store,
                    engine=WorkersElsewhere() if self.no_work else None,
                    drain=self.drain,
                    allow_unauthenticated=self.allow_unauthenticated,
                    certificate=certificate,
                    limits=limits,
                    http_server=serving.HttpServerKind(self.transport.http_server),
                    **where,
                )
            )
        except serving.StartupError as error:
            raise Failure(str(error)) from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # one of the App's servicers or interceptors does not fit
            what = f"serving {' '.join(self.apps)}"
            raise explain(what, error, debug=self.observation.debug) from None
