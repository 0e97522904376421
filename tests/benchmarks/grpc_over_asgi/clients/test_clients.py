"""As in tests/clients, at one port."""

from tests.clients.test_clients import *  # noqa: F403 - the tests
