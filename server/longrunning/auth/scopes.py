"""Which scopes let a caller use a method.

Spec: google/api/auth.proto, AuthenticationRule and OAuthRequirements
"""

from collections.abc import Callable, Collection

Alternatives = tuple[tuple[str, ...], ...]
"""Sets of scopes, any one of which suffices: `((),)` for any token at all, `()` for none."""

RequiredScopes = Callable[[str], Alternatives | None]
"""Returns what a method needs by its selector, `pkg.Service.Method`; None where no rule says."""

ANY_TOKEN: Alternatives = ((),)
NO_TOKEN: Alternatives = ()


def selector_of(method: str) -> str:
    """Returns the selector of a method, `pkg.Service.Method`, by its path `/pkg.Service/Method`."""
    return method.removeprefix("/").replace("/", ".")


def nowhere_said(selector: str) -> Alternatives | None:  # noqa: ARG001 - whatever it is
    """The required scopes of a service without a service file."""
    return None


def any_one_of(scopes: Collection[str]) -> Alternatives:
    """Returns the alternatives of single scopes; of none, any token."""
    return tuple((scope,) for scope in scopes) or ANY_TOKEN


def selects(pattern: str, selector: str) -> bool:
    """Whether a selector, `*`, `pkg.Service.*` or `pkg.Service.Method`, names a method."""
    return pattern in {"*", selector} or (
        pattern.endswith(".*") and selector.startswith(pattern[:-1])
    )
