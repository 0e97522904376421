"""The engine of docs/engines.md works as it is printed there."""

import re
import subprocess
import sys
from pathlib import Path

from google.longrunning import operations_pb2
from google.protobuf import text_format, wrappers_pb2

PAGE = Path(__file__).parents[3] / "docs" / "engines.md"


def test_the_engine_of_the_page_runs_an_operation(tmp_path: Path) -> None:
    (code,) = [
        block
        for block in re.findall(
            r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE
        )
        if "__main__" in block
    ]
    (tmp_path / "shop.py").write_text(code)
    ran = subprocess.run(
        [sys.executable, "shop.py"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    done = text_format.Parse(ran.stdout, operations_pb2.Operation())
    result = wrappers_pb2.StringValue()
    assert done.response.Unpack(result)
    assert result.value == "HELLO"


def test_the_engine_of_the_page_finds_what_was_not_dispatched(tmp_path: Path) -> None:
    text = PAGE.read_text()
    assert text.count("self._submit(name)\n\n    async def stop") == 1
    lost = text.replace(
        "        self._sent[name] = time.monotonic()\n        self._submit(name)",
        "        self._calls = getattr(self, '_calls', 0) + 1\n"
        "        if self._calls > 1:  # the first hint is lost\n"
        "            self._submit(name)",
    )
    assert lost != text
    (code,) = [
        block
        for block in re.findall(r"^```python\n(.*?)^```", lost, re.DOTALL | re.MULTILINE)
        if "__main__" in block
    ]
    (tmp_path / "shop.py").write_text(code)
    ran = subprocess.run(
        [sys.executable, "shop.py"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "HELLO" in ran.stdout
