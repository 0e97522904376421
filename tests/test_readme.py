"""The README's promises that a machine can check."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def test_the_embedding_prints_what_the_readme_says(tmp_path: Path) -> None:
    code = README.split("```python\n")[1].split("```")[0]
    output = README.split("It prints what a client gets:\n\n```\n")[1].split("```")[0]
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.sub(ID, "ID", ran.stdout).strip() == re.sub(ID, "ID", output).strip()


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 150


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / link).exists(), link
