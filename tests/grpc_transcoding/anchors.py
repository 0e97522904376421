"""Cases that other transcoders are tested with; each file of `data/` names its source."""

import json
from pathlib import Path

DATA = Path(__file__).parent / "data"


def load(name: str) -> list:
    """Returns the cases of a file, without its first line, which says where they are from."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    assert {"source", "licence", "form"} <= json.loads(lines[0]).keys()
    return [json.loads(line) for line in lines[1:]]
