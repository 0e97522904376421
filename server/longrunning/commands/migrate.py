"""`lro migrate`: creates the tables of a store, or brings them up to date."""

from typing import Annotated

import typer

from longrunning.commands.failure import Failure

# ruff: noqa: PLC0415 - `lro --help` reads this module, only `lro migrate` needs the stores


def migrate(
    *,
    store: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            show_default=False,
            help="The store: sqlite:///PATH or postgresql://USER@HOST/DATABASE?schema=NAME.",
        ),
    ],
) -> None:
    """Create the tables of a store, or bring them up to date, while servers go on serving."""
    import asyncio

    from longrunning.stores import StoreError, migrations, store_from_url

    try:
        opened = store_from_url(store)
        if not isinstance(opened, migrations.Migratable):
            raise Failure(f"{opened.url} has no tables: there is nothing to migrate")
        migrated = asyncio.run(opened.migrate())
    except StoreError as error:
        raise Failure(str(error)) from None
    if migrated.before == migrated.after:
        typer.echo(f"lro: {opened.url} is up to date: schema {migrated.after}")
    else:
        typer.echo(f"lro: {opened.url} was migrated: schema {migrated.before} to {migrated.after}")
