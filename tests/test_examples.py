"""Every example runs, as a stranger would run it."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NEEDS_FOLDER = {"article_pipeline.py", "ten_lines.py"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "example", sorted(EXAMPLES.rglob("*.py")), ids=lambda p: p.name
)
def test_it_runs(example: Path, tone_folder: Path, tmp_path: Path) -> None:
    arguments = [tone_folder] if example.name in NEEDS_FOLDER else []
    if example.name == "ten_lines.py":
        arguments.append(tmp_path / "tones.sonotype")
    done = subprocess.run(
        [sys.executable, example, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
