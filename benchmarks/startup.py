"""Cold starts: import, help and one prediction, each in a fresh process.

    python benchmarks/startup.py

Medians of interleaved runs beside an empty Python and a Python that imports numpy, in
the same run, so a slow machine shows. The peak memory is the process's own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from made import noise_folder
from results import save

MAKE_BUNDLE = """
import sys
from pathlib import Path
from made import untrained_bundle
untrained_bundle(Path(sys.argv[1]), "default")
"""


def run_once(command: list[str]) -> tuple[float, float]:
    """Run a command; return its wall seconds and peak memory in MB."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{command} failed")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        clip = str(next(noise_folder(folder / "clip", n_clips=1).rglob("*.wav")))
        bundle = str(folder / "default.sonotype")
        # In another process: the peak memory of a child counts that of its parent.
        subprocess.run(
            [sys.executable, "-c", MAKE_BUNDLE, made],
            cwd=Path(__file__).parent,
            check=True,
        )
        python, cli = sys.executable, str(Path(sys.executable).parent / "sonotype")
        commands = {
            "python -c pass": [python, "-c", "pass"],
            "python -c 'import numpy'": [python, "-c", "import numpy"],
            "python -c 'import sonotype'": [python, "-c", "import sonotype"],
            "sonotype --help": [cli, "--help"],
            "sonotype predict BUNDLE CLIP": [cli, "predict", bundle, clip],
        }
        measured: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(options.runs):
            for name, command in commands.items():
                measured[name].append(run_once(command))
    rows = [
        {
            "command": name,
            "median_seconds": round(statistics.median(each[0] for each in runs), 3),
            "longest_seconds": round(max(each[0] for each in runs), 3),
            "peak_mb": round(statistics.median(each[1] for each in runs)),
            "runs": len(runs),
        }
        for name, runs in measured.items()
    ]
    for row in rows:
        print(json.dumps(row))
    print("wrote", save("startup", rows))


if __name__ == "__main__":
    main()
