"""The engine of docs/engines.md works as it is printed there."""

import re
import subprocess
import sys
from pathlib import Path

from google.longrunning import operations_pb2
from google.protobuf import text_format, wrappers_pb2

PAGE = Path(__file__).parents[3] / "docs" / "engines.md"


def printed() -> str:
    """Returns the program of the page."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (code,) = [block for block in blocks if "__main__" in block]
    return code


def result_of(code: str, folder: Path) -> str:
    (folder / "shop.py").write_text(code)
    ran = subprocess.run(
        [sys.executable, "shop.py"],
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    done = text_format.Parse(ran.stdout, operations_pb2.Operation())
    result = wrappers_pb2.StringValue()
    assert done.response.Unpack(result)
    return result.value


def test_the_engine_of_the_page_runs_an_operation(tmp_path: Path) -> None:
    assert result_of(printed(), tmp_path) == "HELLO"


def test_the_engine_of_the_page_finds_what_was_not_dispatched(tmp_path: Path) -> None:
    code = printed()
    lost = code.replace(
        "async with operations:\n", "async with operations:\n" + FORGET_THE_FIRST_HINT
    )
    assert lost != code
    assert result_of(lost, tmp_path) == "HELLO"


def test_the_engine_of_the_page_does_nothing_for_a_job_that_comes_twice(tmp_path: Path) -> None:
    code = printed()
    twice = code.replace("        self._submit(name)\n", "        self._submit(name)\n" * 2)
    assert twice != code
    assert result_of(twice, tmp_path) == "HELLO"


FORGET_THE_FIRST_HINT = """\
            engine, send = operations.engine, operations.engine.dispatch
            def dispatch(name):
                engine.dispatch = send
            engine.dispatch = dispatch
"""
