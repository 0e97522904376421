"""What the whole suite shares."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("longrunning", deadline=None)
settings.load_profile("longrunning")

# Read once, when gRPC is imported: its core writes to stderr of its own accord otherwise, in the
# middle of what a test captures.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets reports cross from the processes of the suite: some tests log text that is no UTF-8."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]
    return report
