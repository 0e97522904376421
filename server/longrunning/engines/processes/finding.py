"""Finding a handler in another process, by the name of its function."""

import importlib
from typing import Any

from longrunning.handlers import Handler


def find(module: str, qualname: str) -> Handler[Any, Any]:
    """Returns the handler of a function.

    Args:
        module: where the function is defined; it is imported.
        qualname: what the function is called there.

    Raises:
        LookupError: there is no such name, or what it names is no handler.
    """
    where = importlib.import_module(module)
    found: object = where
    for part in qualname.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise LookupError(
                f"the module {module} has no {qualname} in another process: "
                "define the handler there at the top, under no condition"
            ) from None
    # It may be wrapped again, or be declared under another name than its function's.
    function, wrapped = found, found
    while wrapped is not None:
        if isinstance(wrapped, Handler):
            return wrapped
        function, wrapped = wrapped, getattr(wrapped, "__wrapped__", None)
    for each in vars(where).values():
        if isinstance(each, Handler) and each.function is function:
            return each
    raise LookupError(
        f"{module}.{qualname} is a {type(found).__name__} in another process, and no handler: "
        "decorate it where it is defined"
    )
