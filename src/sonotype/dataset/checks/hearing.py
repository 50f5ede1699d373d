"""One pass over every file of a data set, on every core."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sonotype.clips import Clips, Rejected
from sonotype.dataset.checks.sound import FileFacts, listen
from sonotype.errors import AudioError
from sonotype.runtime import usable_cores

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Heard:
    """Every file of a table after one pass.

    Args:
        files: What is known of those that could be decoded, sorted by path.
        rejected: Those that could not, and why, likewise.
    """

    files: tuple[FileFacts, ...]
    rejected: tuple[Rejected, ...]


def listen_to_all(
    clips: Clips, on_progress: Progress = lambda done, total: None
) -> Heard:
    """Decode every file of a table once.

    Args:
        clips: The table.
        on_progress: Called with the files heard so far and their number.

    Returns:
        What was heard, sorted by path: the same whatever the number of cores.
    """
    paths = [Path(path) for path in clips.frame["path"].unique().sort()]
    files, rejected = [], []
    # numpy, libsndfile and soxr let other threads run while they work.
    with ThreadPoolExecutor(usable_cores()) as pool:
        for done, result in enumerate(pool.map(_listen, paths), 1):
            if isinstance(result, FileFacts):
                files.append(result)
            else:
                rejected.append(result)
            on_progress(done, len(paths))
    return Heard(tuple(files), tuple(rejected))


def _listen(path: Path) -> FileFacts | Rejected:
    try:
        return listen(path)
    except AudioError as error:
        return Rejected(path, str(error).removeprefix(f"{path}: "))
