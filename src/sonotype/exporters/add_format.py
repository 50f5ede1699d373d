"""Another graph for a bundle that exists: written, loaded again, compared, listed."""

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import soundfile

from sonotype.atomic import atomic_folder
from sonotype.bundle import (
    Bundle,
    Manifest,
    describe_file,
    read_bundle,
    write_manifest,
)
from sonotype.errors import MissingDependencyError, SettingError
from sonotype.exporters.embedding import embedding_facts
from sonotype.exporters.formats import Format
from sonotype.exporters.verify import Agreement, compare
from sonotype.runtime import GRAPHS, Runtime

N_TIMED = 20


@dataclass(frozen=True)
class RealClips:
    """Recordings to compare on, float32 `(n_clips, n_samples)`.

    `accuracy` turns their scores into one number, how good they are; `calibration` are
    clips that formats of integers may learn ranges from.
    """

    samples: np.ndarray
    accuracy: Callable[[np.ndarray], float]
    calibration: np.ndarray


@dataclass(frozen=True)
class Examples:
    """What every format is compared on: golden inputs first, then real clips.

    `expected` is what the Keras model says of them, `n_windows_each` how many windows
    are scored in each, and `facts` what `model.json` should say that the comparison
    with real clips has found.
    """

    samples: np.ndarray
    expected: np.ndarray
    n_golden: int
    real: RealClips | None = None
    n_windows_each: int = 1
    facts: dict[str, Any] = field(default_factory=dict)

    def accuracy_of(self, scores: np.ndarray) -> float | None:
        """Return how good scores are, if there is a way to tell."""
        if self.real is None:
            return None
        return self.real.accuracy(scores[self.n_golden :])

    @property
    def calibration(self) -> np.ndarray | None:
        """Clips that formats of integers may learn ranges from, if there are any."""
        return None if self.real is None else self.real.calibration


@dataclass(frozen=True)
class Exported:
    """What became of a model in one format."""

    name: str
    file: str
    n_bytes: int
    agreement: Agreement
    ms_per_clip: float
    facts: dict[str, Any]
    accuracy: float | None = None
    accuracy_change: float | None = None


def make_examples(
    bundle: Bundle, model: keras.Model, real: RealClips | None = None
) -> Examples:
    """Return the golden inputs of a bundle and real clips, if there are any.

    Args:
        bundle: The bundle, whose golden inputs are always compared.
        model: Its Keras model.
        real: Further clips.
    """
    samples = np.stack(
        [
            soundfile.read(bundle.file(golden.file), dtype="float32")[0]
            for golden in bundle.manifest.golden
        ]
    )
    n_golden = len(samples)
    if real is not None:
        samples = np.concatenate([samples, real.samples])
    expected = model.predict(samples, batch_size=32, verbose=0)
    return Examples(samples, expected, n_golden, real)


def add_format(
    bundle: Bundle,
    row: Format,
    model: keras.Model,
    examples: Examples,
    *,
    replace: bool = False,
) -> Exported:
    """Write a model in one more format into its bundle.

    The file is loaded again in its own runtime and compared with the model; only when
    it agrees, it comes into the bundle, together with a `model.json` that lists it. A
    run that dies leaves the bundle as it was.

    Args:
        bundle: An opened bundle.
        row: The format, of `FORMATS`.
        model: The Keras model of the bundle.
        examples: What it is compared on.
        replace: Whether a file of this format that is there may be replaced.

    Raises:
        SettingError: If the bundle has such a file, or the format needs clips.
        MissingDependencyError: If a package that it needs is not installed.
        ExportError: If the model does not convert, or the file does not agree.
        BundleError: If the file does not load.
    """
    check_format(bundle, row, has_clips=examples.real is not None, replace=replace)
    with tempfile.TemporaryDirectory() as made:
        graph = Path(made) / row.file
        row.write(model, examples.calibration, graph)
        if row.label is not None:
            row.label(graph, bundle.manifest)
        examples = row.examples(model, examples)
        runtime = row.open(graph)
        found = runtime.scores(examples.samples)
        # Golden inputs are unlike the clips that such a format learned its ranges from.
        first = examples.n_golden if row.needs_clips else 0
        agreement = compare(
            found[first:],
            examples.expected[first:],
            tolerance=row.tolerance,
            measure=row.measure,
        )
        accuracy = examples.accuracy_of(found)
        before = examples.accuracy_of(examples.expected)
        exported = Exported(
            name=row.name,
            file=row.file,
            n_bytes=sum(file.stat().st_size for file in _files(graph)),
            agreement=agreement,
            ms_per_clip=_ms_per_clip(runtime, examples.samples)
            / examples.n_windows_each,
            facts={
                **examples.facts,
                **row.facts(graph),
                **embedding_facts(runtime, model, examples.samples),
                **_golden_facts(row, found[: examples.n_golden]),
            },
            accuracy=accuracy,
            accuracy_change=(
                None if accuracy is None or before is None else accuracy - before
            ),
        )
        _put(bundle, graph, exported)
    return exported


def check_format(
    bundle: Bundle, row: Format, *, has_clips: bool, replace: bool
) -> None:
    """Raise if a format cannot be added, before any work is done.

    Raises:
        SettingError: If the bundle has such a file, or the format needs clips.
        MissingDependencyError: If a package that it needs is not installed.
    """
    package = row.missing()
    if package is not None:
        raise MissingDependencyError(package, row.extra)
    if not replace and bundle.manifest.files_of(row.file):
        raise SettingError(
            f"{bundle.path} holds {row.file} already; pass --force to replace it"
        )
    if row.needs_clips and not has_clips:
        raise SettingError(
            f"{row.name} learns the range of every activation from recordings; "
            "give some with --data"
        )


def _golden_facts(row: Format, found: np.ndarray) -> dict[str, Any]:
    """Return what a graph that rounds must say of the golden inputs wherever it runs.

    It is what it says here; formats that do not round must say what the model says.
    """
    if row.measure == "largest_difference" or row.name not in GRAPHS:
        return {}
    return {"golden_scores": [[float(score) for score in scores] for scores in found]}


def _ms_per_clip(runtime: Runtime, samples: np.ndarray) -> float:
    """Return the median time of one clip at a time, in milliseconds."""
    times = []
    for place in range(N_TIMED + 1):
        clip = samples[place % len(samples)][None]
        start = time.perf_counter()
        runtime.scores(clip)
        times.append(time.perf_counter() - start)
    return float(1e3 * np.median(times[1:]))  # the first one warms up


def _put(bundle: Bundle, graph: Path, exported: Exported) -> None:
    """Copy a graph into a bundle and list it, both or neither."""
    with atomic_folder(bundle.path.resolve(), replace=True) as folder:
        shutil.copytree(bundle.path, folder, dirs_exist_ok=True)
        manifest = read_bundle(folder).manifest
        for name in manifest.files_of(exported.file):
            (folder / name).unlink(missing_ok=True)
        target = folder / exported.file
        if graph.is_dir():
            shutil.copytree(graph, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(graph, target)
        write_manifest(folder, _with_format(manifest, folder, exported))


def _with_format(manifest: Manifest, folder: Path, exported: Exported) -> Manifest:
    target = folder / exported.file
    written = {
        file.relative_to(folder).as_posix(): describe_file(file)
        for file in sorted(_files(target))
    }
    files = dict(manifest.files)
    for name in manifest.files_of(exported.file):
        del files[name]
    about = {
        "format": exported.name,
        **asdict(exported.agreement),
        "n_bytes": exported.n_bytes,
        **exported.facts,
    }
    if exported.accuracy_change is not None:
        about["accuracy_change"] = exported.accuracy_change
    return manifest.model_copy(
        update={
            "files": dict(sorted({**files, **written}.items())),
            "exports": {**manifest.exports, exported.file: about},
        }
    )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [file for file in path.rglob("*") if file.is_file()]
    return [path]
