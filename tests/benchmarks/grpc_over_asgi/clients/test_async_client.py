"""As in tests/clients, at one port."""

from tests.clients.test_async_client import *  # noqa: F403 - the tests
