"""What of an argument is checked before a command sees it: typer does the rest."""

import math
import os

import typer


def utf8(value: str | None) -> str | None:
    """Let text pass that can be sent: bytes that are not UTF-8 reach Python as lone surrogates.

    Raises:
        typer.BadParameter: the text is not UTF-8; typer adds which argument it is.
    """
    if value is None:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        given = os.fsencode(value).decode(errors="backslashreplace")
        raise typer.BadParameter(f"'{given}' is not UTF-8") from None
    return value


def finite(value: float | None) -> float | None:
    """Let a number of seconds pass, but neither `inf` nor `nan`, which are floats as well.

    Raises:
        typer.BadParameter: it is one of these; typer adds which argument it is.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number of seconds, 0 or more")
    return value
