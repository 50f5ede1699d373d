"""The scores of every window of a recording as one Parquet file.

A row is a window, a column `score_LABEL` the scores of a label as float16: half the
room, and exact to 0.0005, more than any threshold needs. What the scores are of stands
in the file's own metadata.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sonotype.atomic import atomic_file
from sonotype.audio.recorded_at import recorded_at, recording_site
from sonotype.audio.sound_file import check_file
from sonotype.errors import DataError, SettingError, unknown_name
from sonotype.inference.scan import WindowScores
from sonotype.labels import Task

if TYPE_CHECKING:
    from sonotype.inference.classifier import Classifier

FORMAT_VERSION = 1
_METADATA = "sonotype"
_MAGIC = b"PAR1"
_TIMES = ("start_seconds", "end_seconds")
_PREFIX = "score_"
# Windows that are written at a time.
_GROUP_WINDOWS = 8192


class ScanInfo(BaseModel):
    """What the scores of a recording are of.

    Args:
        recording: The audio file, as it was named.
        n_bytes: Its size.
        modified_ns: When it was last changed.
        recorded_at: When it begins, if its name or its header tells.
        site: Where it was recorded, by its name or its folder.
        labels: The model's labels.
        task: What its scores mean.
        sample_rate: Its rate, in hertz.
        window_seconds: Length of a window.
        hop_seconds: From one window's start to the next.
        thresholds: The score that a label needs, if the bundle says.
        graph_sha256: Which graph gave the scores.
        sonotype_version: What wrote the file.
        format_version: How it is laid out.
    """

    model_config = ConfigDict(frozen=True)

    recording: str
    n_bytes: int
    modified_ns: int
    recorded_at: datetime | None = None
    site: str | None = None
    labels: tuple[str, ...] = Field(min_length=1)
    task: Task
    sample_rate: int = Field(gt=0)
    window_seconds: float = Field(gt=0, allow_inf_nan=False)
    hop_seconds: float = Field(gt=0, allow_inf_nan=False)
    thresholds: dict[str, float] | None = None
    graph_sha256: str
    sonotype_version: str
    format_version: int = FORMAT_VERSION

    @classmethod
    def of(
        cls,
        classifier: "Classifier",
        recording: str,
        *,
        hop_seconds: float | None = None,
        dense: bool = False,
        **about: Any,
    ) -> Self:
        """Return what the scores of a classifier are of.

        Args:
            classifier: What will score it.
            recording: The sound, as it was named.
            hop_seconds: As of `Classifier.scan`.
            dense: Likewise.
            **about: What is known of the recording.

        Raises:
            SettingError: If the hop is longer than a window.
        """
        from sonotype import __version__

        manifest = classifier.bundle.manifest
        hop = classifier.hop_samples(hop_seconds, dense=dense)
        return cls(
            recording=recording,
            labels=manifest.labels,
            task=manifest.task,
            sample_rate=manifest.sample_rate,
            window_seconds=manifest.n_samples / manifest.sample_rate,
            hop_seconds=hop / manifest.sample_rate,
            thresholds=manifest.thresholds,
            graph_sha256=classifier.dense.sha256 if dense else classifier.graph_sha256,
            sonotype_version=__version__,
            **about,
        )


@dataclass(frozen=True)
class RecordingScores:
    """The scores of every window of one recording.

    Args:
        info: What they are of.
        start_seconds: Where each window begins, float64 of shape `(n_windows,)`.
        end_seconds: Where each ends; the last one where the recording does.
        scores: One row a window, one float16 column a label, named like it.
    """

    info: ScanInfo
    start_seconds: np.ndarray
    end_seconds: np.ndarray
    scores: pl.DataFrame

    @property
    def duration_seconds(self) -> float:
        """Length of the recording."""
        return float(self.end_seconds[-1])

    @classmethod
    def of(cls, info: ScanInfo, windows: Iterable[WindowScores]) -> Self:
        """Put together what `Classifier.scan` yields, rounded as a file rounds it."""
        joined = WindowScores.join(windows)
        scores = joined.scores.astype(np.float16)
        columns = {name: scores[:, place] for place, name in enumerate(info.labels)}
        return cls(
            info, joined.start_seconds, joined.end_seconds, pl.DataFrame(columns)
        )


def scan_info(
    classifier: "Classifier",
    path: Path,
    *,
    hop_seconds: float | None = None,
    dense: bool = False,
) -> ScanInfo:
    """Return what the scores of a recording will be of.

    Args:
        classifier: What will score it.
        path: The recording.
        hop_seconds: As of `Classifier.scan`.
        dense: Likewise.

    Raises:
        AudioError: If it is missing, empty, no regular file or oddly named.
        SettingError: If the hop is longer than a window.
    """
    check_file(path)
    status = path.stat()
    return ScanInfo.of(
        classifier,
        str(path),
        hop_seconds=hop_seconds,
        dense=dense,
        n_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        recorded_at=recorded_at(path),
        site=recording_site(path),
    )


def write_scores(path: Path, info: ScanInfo, windows: Iterable[WindowScores]) -> int:
    """Write the scores of a recording, in constant memory; return how many windows.

    The file appears whole or not at all.

    Args:
        path: A `.parquet` file; what was there is replaced.
        info: What the scores are of.
        windows: From `Classifier.scan`.

    Raises:
        AudioError: If the recording cannot be decoded to its end.
        SettingError: If the file cannot be written.
    """
    kind = _row(len(info.labels))
    try:
        # Without a name, so that a run that is killed leaves nothing of it behind.
        with TemporaryFile(dir=path.parent) as rows, atomic_file(path) as partial:
            n_windows = _spool(rows, windows, kind)
            frames = _frames(rows, kind, info.labels)
            schema = pl.Schema({name: pl.Float64() for name in _TIMES})
            schema |= {_PREFIX + name: pl.Float16() for name in info.labels}
            register_io_source(lambda *_: frames, schema=schema).sink_parquet(
                partial,
                row_group_size=_GROUP_WINDOWS,
                metadata={_METADATA: info.model_dump_json()},
            )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SettingError(f"{path} cannot be written: {error}") from error
    return n_windows


def read_info(path: Path) -> ScanInfo:
    """Return what the scores in a file are of, without reading them.

    Raises:
        DataError: If it is no whole file that `write_scores` made.
    """
    with _parquet_errors(path):
        content = pl.read_parquet_metadata(path).get(_METADATA)
    if content is None:
        raise DataError(
            f"{path}: holds no scores of a recording; make them with sonotype scan"
        )
    try:
        info = ScanInfo.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {where}: {first['msg']}; scan it again") from error
    if info.format_version > FORMAT_VERSION:
        raise DataError(
            f"{path}: has format version {info.format_version}, but this sonotype "
            f"reads up to {FORMAT_VERSION}; install a newer sonotype"
        )
    return info


def read_scores(
    path: Path | str, labels: Sequence[str] | None = None
) -> RecordingScores:
    """Return the scores in a file that `write_scores` made.

    Args:
        path: The file.
        labels: Only these; they alone are read.

    Raises:
        SettingError: If there is no such label.
        DataError: If it is no whole file that `write_scores` made.
    """
    path = Path(path)
    info = read_info(path)
    for name in labels or ():
        if name not in info.labels:
            raise unknown_name("label", name, info.labels)
    wanted = info.labels if labels is None else labels
    columns = [*_TIMES, *(_PREFIX + name for name in wanted)]
    with _parquet_errors(path):
        frame = pl.read_parquet(path, columns=columns, glob=False)
    if frame.is_empty():
        raise DataError(f"{path}: holds no windows; scan the recording again")
    start, end = (frame[name].to_numpy() for name in _TIMES)
    scores = frame.drop(_TIMES).rename(lambda name: name.removeprefix(_PREFIX))
    return RecordingScores(info, start, end, scores)


def _row(n_labels: int) -> np.dtype[np.void]:
    times = [(name, np.float64, ()) for name in _TIMES]
    return np.dtype([*times, ("scores", np.float16, (n_labels,))])


def _spool(
    rows: IO[bytes], windows: Iterable[WindowScores], kind: np.dtype[np.void]
) -> int:
    """Write windows by rows, for a Parquet file is written by columns."""
    n_windows = 0
    for part in windows:
        block = np.empty(len(part), kind)
        for name in _TIMES:
            block[name] = getattr(part, name)
        block["scores"] = part.scores
        rows.write(block.tobytes())
        n_windows += len(part)
    rows.seek(0)
    return n_windows


def _frames(
    rows: IO[bytes], kind: np.dtype[np.void], labels: Sequence[str]
) -> Iterator[pl.DataFrame]:
    while content := rows.read(_GROUP_WINDOWS * kind.itemsize):
        block = np.frombuffer(content, kind)
        scores = np.ascontiguousarray(block["scores"].T)  # (n_labels, n_windows)
        yield pl.DataFrame(
            {
                **{name: block[name].copy() for name in _TIMES},
                **{_PREFIX + name: scores[i] for i, name in enumerate(labels)},
            }
        )


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    try:
        with path.open("rb") as stream:
            begin = stream.read(4)
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - 4))
            end = stream.read(4)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if begin != _MAGIC or end != _MAGIC:
        raise DataError(
            f"{path}: is no whole Parquet file: it does not begin and end with PAR1"
        )
    try:
        yield
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        first = str(error).strip().partition("\n")[0][:200]
        raise DataError(f"{path}: is damaged ({first}); scan it again") from error
