"""Operations in a PostgreSQL database. Needs the extra `postgres`."""

from longrunning.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
