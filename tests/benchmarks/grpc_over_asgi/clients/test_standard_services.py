"""As in tests/clients, at one port."""

from tests.clients.test_standard_services import *  # noqa: F403 - the tests
