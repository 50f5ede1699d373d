"""The main job from a folder to a bundle, in the order a person would do it."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sonotype.atomic import refuse_existing, refuse_unwritable
from sonotype.audio.io import read_audio
from sonotype.bundle import Bundle
from sonotype.clips import Clips, Rejected
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.checks.findings import Finding
from sonotype.dataset.checks.quick import quick_findings, refuse_hopeless
from sonotype.dataset.given_split import given_parts
from sonotype.dataset.readers.folder import find_background_noise
from sonotype.dataset.readers.layout import read_dataset
from sonotype.dataset.split import Split, split
from sonotype.errors import DataError
from sonotype.evaluation.evaluate import evaluate
from sonotype.evaluation.multi_label import MultiLabelReport
from sonotype.evaluation.report import Report
from sonotype.runtime import quiet_stderr
from sonotype.settings import Settings

if TYPE_CHECKING:
    from sonotype.models.weights import PublishedWeights
    from sonotype.training.transfer.auto import Choice
    from sonotype.training.transfer.compare import Candidate


class Observer(Protocol):
    """Somebody to tell how far the work is."""

    def stage(self, name: str) -> None:
        """Learn that another stage begins."""

    def progress(self, done: int, total: int, detail: str = "") -> None:
        """Learn how much of the current stage is done."""

    def findings(self, found: tuple[Finding, ...]) -> None:
        """Learn what is wrong with the data, the worst first."""

    def parts(self, parts: Split) -> None:
        """Learn how the clips were split."""

    def candidate(self, candidate: "Candidate") -> None:
        """Learn what a backbone achieved when it was tried."""

    def choice(self, choice: "Choice") -> None:
        """Learn how the model will be trained, and why."""

    def download(self, published: "PublishedWeights") -> None:
        """Learn which weights are about to be downloaded, and under what licence."""

    def restricted(self, published: "PublishedWeights") -> None:
        """Learn that the weights to be used are not for commercial use."""


class Silent:
    """An observer that does nothing; a subclass may listen to what it cares for."""

    def stage(self, name: str) -> None:
        """Let it pass."""

    def progress(self, done: int, total: int, detail: str = "") -> None:
        """Let it pass."""

    def findings(self, found: tuple[Finding, ...]) -> None:
        """Let it pass."""

    def parts(self, parts: Split) -> None:
        """Let it pass."""

    def candidate(self, candidate: "Candidate") -> None:
        """Let it pass."""

    def choice(self, choice: "Choice") -> None:
        """Let it pass."""

    def download(self, published: "PublishedWeights") -> None:
        """Let it pass."""

    def restricted(self, published: "PublishedWeights") -> None:
        """Let it pass."""


@dataclass(frozen=True)
class Auto:
    """How long `auto` may look for the settings that suit the clips, and use them.

    Args:
        budget_seconds: For trials and training; `None` is 2 minutes per 1000 clips.
        finetune: Whether the best backbone may be fine-tuned.
    """

    budget_seconds: float | None = None
    finetune: bool = True


@dataclass(frozen=True)
class Outcome:
    """What training on a folder made.

    Args:
        bundle: The bundle on disk.
        parts: The clips it was fitted to, chosen by and tested on.
        report: Test results of the Keras model; `None` if nothing was held out.
        shipped: The same of the bundle's LiteRT graph, from the audio files.
        rejected: Files that were set aside, with reasons.
        choice: What `auto` tried and chose, if it was asked.
    """

    bundle: Bundle
    parts: Split
    report: Report | MultiLabelReport | None
    shipped: Report | MultiLabelReport | None
    rejected: tuple[Rejected, ...]
    choice: "Choice | None" = None


def train_folder(  # noqa: PLR0913 - as many choices as the verb has
    root: Path,
    out: Path,
    settings: Settings,
    observer: Observer,
    *,
    replace: bool = False,
    strict: bool = False,
    cache_folder: Path | None = None,
    auto: Auto | None = None,
) -> Outcome:
    """Read, split, train, evaluate on held-out groups, and write a bundle.

    Args:
        root: A data set in a layout that `read_dataset` knows, such as a folder with
            one folder of recordings a class.
        out: The bundle to make.
        settings: From `read_settings`.
        observer: Told of every stage.
        replace: Whether a bundle at `out` may be replaced.
        strict: Whether a single unusable file is an error.
        cache_folder: Where decoded audio is kept; default: the user's cache.
        auto: If given, pre-trained backbones at hand are tried first, and how to train
            follows from that; the settings then matter for the data and the seed.

    Raises:
        SonotypeError: If the data cannot be used or a step fails; nothing is written.
    """
    refuse_existing(out, replace=replace)
    refuse_unwritable(out)
    cache = AudioCache(cache_folder, sample_rate=settings.audio.sample_rate)
    clips = read_clips(root, settings, cache, observer, strict=strict)
    if given_parts(clips):
        observer.stage("Keeping the parts as given")
    parts = split(
        clips,
        validation=settings.data.validation,
        test=settings.data.test,
        seed=settings.seed,
    )
    observer.parts(parts)

    # Keras takes seconds to import: only once the data is known to be usable.
    observer.stage("Starting Keras")
    with quiet_stderr():
        from sonotype.exporters.export import export
        from sonotype.training.train import train

    choice = None
    if auto is not None:
        choice = choose_settings(parts, settings, observer, auto, cache_folder)
        settings = choice.settings
        cache = AudioCache(cache_folder, sample_rate=settings.audio.sample_rate)
    fetch_weights(settings.model.backbone, settings.model.weights, observer)
    observer.stage("Training")
    trained = train(
        parts.train,
        parts.validation,
        settings=settings,
        noise=read_noise(root, settings.audio.sample_rate),
        cache=cache,
        on_progress=lambda now: observer.progress(now.step, now.n_steps, str(now)),
    )
    report = None
    if len(parts.test):
        observer.stage("Evaluating")
        report = evaluate(trained, parts.test)
    observer.stage("Writing and checking the bundle")
    bundle = export(
        trained,
        out,
        test_metrics=report.to_dict() if report else None,
        attachments=attachments(report, clips.rejected, choice),
        replace=replace,
    )
    shipped = None
    if report:
        from sonotype.inference.classifier import load

        observer.stage("Evaluating the bundle")
        shipped = evaluate(load(out), parts.test)
    return Outcome(bundle, parts, report, shipped, clips.rejected, choice)


def choose_settings(
    parts: Split,
    settings: Settings,
    observer: Observer,
    auto: Auto,
    cache_folder: Path | None,
) -> "Choice":
    """Try the backbones at hand on the clips that training may hear."""
    from sonotype.training.train import task_of
    from sonotype.training.transfer.auto import choose

    heard = Clips.concatenate([parts.train, parts.validation])
    observer.stage("Trying backbones")
    choice = choose(
        heard,
        settings,
        task=task_of(settings, heard),
        observer=observer,
        budget_seconds=auto.budget_seconds,
        finetune=auto.finetune,
        cache_folder=cache_folder,
    )
    observer.choice(choice)
    return choice


def fetch_weights(backbone: str, weights: str, observer: Observer) -> None:
    """Have the weights that a model starts from on this machine.

    Only what its publisher gives away is downloaded, and only if it is not here.

    Args:
        backbone: A name that `sonotype models` lists.
        weights: As `model.weights` of the settings.
        observer: Told the licence before, and then how far it is.

    Raises:
        SettingError: If there is no such backbone.
        WeightsError: If the weights cannot be had.
    """
    from sonotype.models.table import find_backbone
    from sonotype.models.weights import allows_commerce, find_weights

    published = find_backbone(backbone).weights
    if published is None or weights == "none":
        return
    if not allows_commerce(published.licence):
        observer.restricted(published)
    find_weights(
        weights,
        published,
        on_download=observer.download,
        on_progress=lambda done, total: observer.progress(
            done, total or 2 * done, f"{done / 1e6:.0f} MB"
        ),
    )


def read_clips(
    root: Path,
    settings: Settings,
    cache: AudioCache,
    observer: Observer,
    *,
    strict: bool = False,
) -> Clips:
    """Read a data set, decode it into the cache, and look at it quickly.

    Args:
        root: The data set.
        settings: How it is laid out, and what the model hears.
        cache: Where decoded audio is kept.
        observer: Told how far it is, and what is wrong with the data.
        strict: Whether a single unusable file is an error.

    Returns:
        The clips that can be decoded; the others are in `rejected`.

    Raises:
        DataError: If nothing can be learnt from them.
    """
    observer.stage("Reading")
    clips = read_dataset(
        root,
        layout=settings.data.layout,
        classes=settings.data.classes,
        group_by=settings.data.group_by,
        on_progress=observer.progress,
        clip_seconds=settings.audio.clip_seconds,
        **settings.data.options,
    )
    n_megabytes = cache.estimate(clips) / 1e6
    observer.stage(f"Decoding ({n_megabytes:,.0f} MB of cache)")
    cached = cache.load(clips, on_progress=observer.progress)
    if cached.n_streamed:
        observer.stage(f"Disk full: {cached.n_streamed} clips decoded on the fly")
    rejected = cached.clips.rejected
    if strict and rejected:
        raise DataError(
            f"{len(rejected)} files cannot be used; the first is {rejected[0].path}: "
            f"{rejected[0].reason}"
        )
    observer.findings(quick_findings(cached.clips, cached.digests))
    refuse_hopeless(cached.clips, settings.data.task)
    return cached.clips


def read_noise(root: Path, sample_rate: int) -> np.ndarray | None:
    """Return the recordings of `_background_noise_`, joined, if there are any."""
    recordings = [read_audio(path, sample_rate) for path in find_background_noise(root)]
    return np.concatenate(recordings) if recordings else None


def attachments(
    report: Report | MultiLabelReport | None,
    rejected: tuple[Rejected, ...],
    choice: "Choice | None" = None,
) -> dict[str, bytes]:
    """Return further files of a bundle: a picture, files set aside, what was tried."""
    files: dict[str, bytes] = {}
    if choice:
        files["tried.md"] = choice.to_markdown().encode()
    if report:
        from sonotype.evaluation.figures import plot_report

        picture = io.BytesIO()
        plot_report(report).savefig(picture, format="png", dpi=150)
        name = "confusion.png" if isinstance(report, Report) else "labels.png"
        files[name] = picture.getvalue()
    if rejected:
        # A name that is no text must not stop a bundle from being written.
        text = rejected_csv(rejected)
        files["rejected.csv"] = text.encode(errors="backslashreplace")
    return files


def rejected_csv(rejected: tuple[Rejected, ...]) -> str:
    """Return the files that were set aside as CSV: path and reason."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "reason"])
    writer.writerows((file.path, file.reason) for file in rejected)
    return text.getvalue()
