"""From `module:attribute` to the Operations in it, in the processes of the cluster."""

import hashlib
import importlib
from contextlib import AbstractAsyncContextManager
from typing import Protocol, cast

from longrunning.engines.contract import Engine
from longrunning.engines.ray.settings import Settings
from longrunning.stores import Store, store_from_url


class Target(AbstractAsyncContextManager["Target"], Protocol):
    """What the cluster uses of an `Operations`, which is defined above this room."""

    store: Store
    engine: Engine

    def working(self, engine: Engine) -> AbstractAsyncContextManager[object]:
        """Is open for one engine's work alone."""


def check(target: str) -> None:
    """Raises ValueError where a text is not `module:attribute`."""
    module, colon, attribute = target.partition(":")
    parts = [*module.split("."), *attribute.split(".")]
    if not colon or not all(part.isidentifier() for part in parts):
        raise ValueError(f"{target!r} is not MODULE:APP, such as 'myservice:app'")


def load(settings: Settings) -> Target:
    """Imports the module and returns its Operations, with the store that the settings name.

    The attribute is an App, an Operations, or a function without arguments that returns one.

    Raises:
        ImportError: the module is not on this machine.
        AttributeError: it has no such attribute.
        TypeError: that is something else.
        StoreError: there is no store of that URL.
    """
    module, _, path = settings.target.partition(":")
    found: object = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    operations = _operations_of(found)
    if operations is None and callable(found):
        operations = _operations_of(found := found())
    if operations is None:
        raise TypeError(
            f"{settings.target} is a {type(found).__name__}: expected an App, an Operations, "
            "or a function without arguments that returns one"
        )
    if settings.store is not None:
        operations.store = store_from_url(settings.store)
    return operations


def _operations_of(found: object) -> Target | None:
    """Returns the Operations of an App, or itself; None for anything else."""
    operations = getattr(found, "operations", found)
    if isinstance(getattr(operations, "store", None), Store):
        return cast("Target", operations)
    return None


def identity(store: Store) -> str:
    """Returns what two processes have in common whose open stores are the same place.

    Their URLs need not be: a database can have another address inside of the cluster.
    """
    return hashlib.sha256(store.page_token_key).hexdigest()
