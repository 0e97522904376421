"""The page on testing: its examples are run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
FILES = dict(
    re.findall(
        r"```python\n# (\S+\.py)\n(.*?)```", (ROOT / "docs/testing.md").read_text(), re.DOTALL
    )
)

OPTIONS = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")


def test_the_documented_tests_pass(tmp_path: Path) -> None:
    assert sorted(FILES) == ["conftest.py", "service.py", "test_copy.py", "test_service.py"]
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *OPTIONS],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "7 passed" in ran.stdout
    assert not (tmp_path / "operations.db").exists()


def test_only_the_plugin_needs_pytest() -> None:
    code = (
        "import sys; sys.modules['pytest'] = sys.modules['pytest_asyncio'] = None\n"
        "import longrunning.testing"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
