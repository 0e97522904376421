"""What `parse` accepts: the whole way from text to a decision."""

from google.longrunning.operations_pb2 import Operation

from longrunning import filters


def test_an_empty_filter_matches_everything():
    for text in ("", "  ", "\t\r\n"):
        assert filters.parse(text).matches(Operation())
        assert filters.parse(text).bounds() == filters.Bounds()
