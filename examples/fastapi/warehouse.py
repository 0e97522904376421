"""What the exports are made of: a resource that is opened and closed with the service."""

import asyncio
from collections.abc import AsyncIterator


class Warehouse:
    """Stands for a pool of database connections, say."""

    def __init__(self) -> None:
        self._is_open = False

    async def __aenter__(self) -> "Warehouse":
        self._is_open = True
        return self

    async def __aexit__(self, *error: object) -> None:
        self._is_open = False

    async def rows(self, table: str) -> AsyncIterator[str]:
        """Returns the rows of a table; that of `slow` takes for ever."""
        number = 0
        while table == "slow" or number < 3:
            if not self._is_open:
                raise RuntimeError("the warehouse is closed")
            yield f"row {number}"
            number += 1
            await asyncio.sleep(0.01)
