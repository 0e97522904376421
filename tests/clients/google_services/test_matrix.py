"""docs/google-services.md: its table says of every method what it does, and which test shows it."""

from pathlib import Path

import pytest

from tests.clients.google_services import test_clients, test_doors, test_speech_v1beta1
from tests.clients.google_services.drivers import PROTOCOLS
from tests.clients.google_services.works import ALL, SpeechBeta, Work

PAGE = Path(__file__).parents[3] / "docs" / "google-services.md"
METHODS = ("List", "Get", "Delete", "Cancel", "Wait")


def row(work: type[Work], protocol: str) -> str:
    """Returns a line of the table as it has to be."""
    names = ["test_start_and_result"]
    for method in METHODS:
        if method not in work.offers:
            names.append(f"test_left_out_over_{'rest' if protocol == 'REST' else 'grpc'}")
        elif method == "Wait":  # no client has it
            names.append(f"test_wait_over_{'rest' if protocol == 'REST' else 'grpc'}")
        elif work is SpeechBeta and protocol == "gRPC":
            names.append("test_its_methods_over_grpc")
        elif work is SpeechBeta and method == "List":
            names.append("test_list_with_filter_and_pages")
        else:
            names.append(f"test_{method.lower()}")
    module = test_speech_v1beta1 if work is SpeechBeta else test_clients
    for name in names:
        assert any(hasattr(each, name) for each in (module, test_doors)), name
    cells = [f"`{name}`" for name in names]
    for number, method in enumerate(METHODS, start=1):
        if method not in work.offers:
            cells[number] = f"{'405' if protocol == 'REST' else 'UNIMPLEMENTED'} {cells[number]}"
    return f"| {work.file} | {protocol} | {' | '.join(cells)} |"


@pytest.mark.parametrize(
    ("work", "protocol"),
    [
        pytest.param(work, protocol, id=f"{work.__name__}-{protocol}")
        for work in ALL
        for protocol in (PROTOCOLS if work is not SpeechBeta else ("gRPC", "REST"))
    ],
)
def test_the_table_of_the_docs_is_right(work: type[Work], protocol: str):
    assert row(work, protocol) in PAGE.read_text().splitlines()
