"""Nothing is open by accident: who can reach a process has to show who he is."""

import logging
from collections.abc import Mapping, Sequence

from longrunning.serving.addresses import Address, StartupError
from longrunning.serving.app import App

_log = logging.getLogger(__name__)


def check_openness(
    apps: Sequence[App],
    addresses: Mapping[str, Address],
    *,
    allow_unauthenticated: bool = False,
    asks_for_certificates: bool = False,
) -> None:
    """Refuses to serve other machines what anybody there could use.

    Args:
        apps: what is served.
        addresses: where, by the option that says so.
        allow_unauthenticated: whether that is meant.
        asks_for_certificates: whether clients have to show certificates.

    Raises:
        StartupError: an app has no authenticator, and an address is not of loopback alone; or there
            is an authorizer, and an app that cannot tell it who calls; or no such host.
    """
    if all(app.authenticator for app in apps):
        return
    unknown = next(app.service_name for app in apps if not app.authenticator)
    which = f"the App of {unknown}" if unknown else "the App"
    if apps[0].operations.authorizer:
        raise StartupError(
            f"the operations have an authorizer, and {which} has no authenticator that tells it "
            "who calls: give it one, App(..., authenticator=...)"
        )
    for option, address in addresses.items():
        if asks_for_certificates or address.is_loopback(option):
            continue
        if not allow_unauthenticated:
            raise StartupError(
                f"{option} {address} can be reached from other machines, and {which} lets "
                "everyone in: give it an authenticator, serve on 127.0.0.1, "
                "or say --allow-unauthenticated"
            )
        _log.warning("%s %s lets everyone in who can reach it", option, address)
