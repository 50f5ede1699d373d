"""A bundle ready to use: files or samples in, predictions out, without TensorFlow."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from sonotype.audio.io import read_audio
from sonotype.audio.resample import resample
from sonotype.audio.stream import AudioStream
from sonotype.audio.windows import cut_windows
from sonotype.bundle import GRAPH, Bundle, read_bundle
from sonotype.errors import AudioError, BundleError
from sonotype.inference.embedding import (
    EmbeddingRuntime,
    Embeddings,
    embed_samples,
)
from sonotype.inference.results import Prediction
from sonotype.inference.scan import (
    RuntimePool,
    WindowScores,
    hop_samples,
    scan_stream,
)
from sonotype.inference.stream import Gap, stream_windows
from sonotype.labels import Labels
from sonotype.runtime import LiteRT, Runtime, pool_windows, usable_cores

if TYPE_CHECKING:  # a table of clips needs polars, which takes 0.1 s to import
    from sonotype.clips import Clips

GOLDEN_TOLERANCE = 1e-3


class Classifier:
    """The one object of the run side; make it with `load`.

    Args:
        bundle: The opened bundle.
        runtime: Its graph, loaded.
    """

    def __init__(self, bundle: Bundle, runtime: Runtime) -> None:
        self.bundle = bundle
        self.labels = Labels(bundle.manifest.labels)
        self.sample_rate = bundle.manifest.sample_rate
        self.clip_seconds = bundle.manifest.clip_seconds
        self.task = bundle.manifest.task
        self.thresholds = bundle.manifest.thresholds
        self._runtime = runtime
        self._pools: dict[int, RuntimePool] = {}
        self._embedders: RuntimePool | None = None
        self._hop = max(1, round(bundle.manifest.hop_seconds * self.sample_rate))

    def predict(
        self, source: Path | str | np.ndarray, *, sample_rate: int | None = None
    ) -> Prediction:
        """Classify one clip.

        A clip longer than the model's is scored in overlapping windows: their scores
        are averaged, or in a multi-label model the highest is taken, for a sound in
        one window is in the clip. A shorter clip is padded with silence.

        Args:
            source: An audio file of any rate and number of channels, or mono samples,
                `(n_samples,)` floats in -1..1.
            sample_rate: Rate of the samples; default: the model's. Files know theirs.

        Raises:
            AudioError: If the file cannot be decoded, or samples are not as above.
        """
        if isinstance(source, np.ndarray):
            samples = self._own_rate(source, sample_rate)
            return self._prediction(samples)
        path = Path(source)
        return self._prediction(read_audio(path, self.sample_rate), path)

    def predict_many(self, sources: Iterable[Path | str]) -> Iterator[Prediction]:
        """Classify files one after another, as they are asked for."""
        return (self.predict(source) for source in sources)

    def scores(self, clips: "Clips") -> np.ndarray:
        """Score a table of clips, float32 of shape `(n_clips, n_labels)`.

        Raises:
            AudioError: If a clip cannot be decoded.
        """
        rows = [
            self._score(
                read_audio(
                    clip.path,
                    self.sample_rate,
                    start_seconds=clip.start_seconds,
                    end_seconds=clip.end_seconds,
                )
            )
            for clip in clips
        ]
        return np.stack(rows) if rows else np.empty((0, len(self.labels)), np.float32)

    def scan(
        self,
        path: Path | str,
        *,
        hop_seconds: float | None = None,
        n_threads: int | None = None,
    ) -> Iterator[WindowScores]:
        """Score every window of a recording of any length, in constant memory.

        Args:
            path: An audio file of any rate and number of channels.
            hop_seconds: From one window's start to the next, at most the model's clip;
                default: the bundle's, half a clip.
            n_threads: Threads that score windows; default: one for each core that
                this process may use. Their number changes no score.

        Yields:
            The next windows, with their times and scores. They begin every hop; one
            more ends where the recording does.

        Raises:
            AudioError: If the file cannot be decoded to its end.
            SettingError: If the hop is not as above.
        """
        hop = self.hop_samples(hop_seconds)
        stream = AudioStream(path, self.sample_rate)
        return scan_stream(stream, self.runtimes(n_threads), hop=hop)

    def stream(
        self,
        blocks: Iterable[np.ndarray | Gap],
        *,
        sample_rate: int | None = None,
        hop_seconds: float | None = None,
    ) -> Iterator[WindowScores]:
        """Score every window of sound that comes block by block, as soon as it is in.

        Windows and scores are those of `scan` of the same samples, whatever the size
        of the blocks; memory does not grow.

        Args:
            blocks: Mono floats in -1..1 of shape `(n,)` each. A `Gap` between two says
                how many samples were lost there; no window goes across.
            sample_rate: Rate of the blocks; default: the model's.
            hop_seconds: As of `scan`.

        Yields:
            The windows that the last block has completed; their times count lost
            samples. When the blocks end, one more ends where they do.

        Raises:
            AudioError: If a block is not as above, or a sample not a finite number.
            SettingError: If the hop is not as of `scan`, or the rate not positive.
        """
        return stream_windows(
            blocks,
            self.runtimes(1),
            from_rate=self.sample_rate if sample_rate is None else sample_rate,
            to_rate=self.sample_rate,
            hop=self.hop_samples(hop_seconds),
        )

    def embed(
        self,
        source: Path | str | np.ndarray,
        *,
        hop_seconds: float | None = None,
        sample_rate: int | None = None,
    ) -> Embeddings:
        """Return what the network makes of each window, before its last layer.

        Sounds that are alike have vectors that are, also sounds it has no label for:
        to search for similar ones, to sort unlabelled ones, or to train a classifier
        of one's own on.

        Args:
            source: As of `predict`.
            hop_seconds: From one window's start to the next, at most the model's clip;
                default: the bundle's, half a clip.
            sample_rate: As of `predict`.

        Raises:
            AudioError: As of `predict`.
            BundleError: If the bundle was written before there were embeddings.
            SettingError: If the hop is not as above.
        """
        hop = self.hop_samples(hop_seconds)
        pool = self._embedding_pool()
        if isinstance(source, np.ndarray):
            samples = self._own_rate(source, sample_rate)
            return embed_samples(samples, pool, hop=hop, sample_rate=self.sample_rate)
        stream = AudioStream(source, self.sample_rate)
        return Embeddings.of(scan_stream(stream, pool, hop=hop), Path(source))

    def embed_many(
        self, sources: Iterable[Path | str], *, hop_seconds: float | None = None
    ) -> Iterator[Embeddings]:
        """Embed files one after another, as they are asked for."""
        return (self.embed(source, hop_seconds=hop_seconds) for source in sources)

    def hop_samples(self, hop_seconds: float | None = None) -> int:
        """Return the samples from one window's start to the next.

        Args:
            hop_seconds: The same in seconds; `None` is the bundle's.

        Raises:
            SettingError: If it is less than a sample, or longer than a window.
        """
        if hop_seconds is None:
            return self._hop
        rate, n_samples = self.sample_rate, self._runtime.n_samples
        return hop_samples(hop_seconds, sample_rate=rate, n_samples=n_samples)

    def runtimes(self, n_threads: int | None = None) -> RuntimePool:
        """Return copies of the runtime for threads that score different windows.

        Several interpreters with a thread each score up to twice as many windows as
        one interpreter with several threads: the layers of a small network are too
        short to be worth sharing.

        Args:
            n_threads: How many; default: one for each core that this process may use.
                The same ones are returned the next time.
        """
        n_threads = n_threads or usable_cores()
        if n_threads not in self._pools:
            self._pools[n_threads] = RuntimePool(self._copies(n_threads))
        return self._pools[n_threads]

    def _copies(self, n_threads: int) -> list[Runtime]:
        if not isinstance(self._runtime, LiteRT):
            return [self._runtime]
        graph = self.bundle.file(GRAPH)
        return [LiteRT(graph, n_threads=1) for _ in range(n_threads)]

    def _embedding_pool(self) -> RuntimePool:
        if self._embedders is None:
            # Copies of its own: a scan may be going on meanwhile.
            self._embedders = RuntimePool(
                [
                    EmbeddingRuntime(runtime, self.bundle.path)
                    for runtime in self._copies(usable_cores())
                ]
            )
        return self._embedders

    def check_golden(self) -> float:
        """Score the bundle's golden inputs and return the largest difference.

        Raises:
            BundleError: If the scores here are not those the model was saved with.
        """
        largest = 0.0
        for golden in self.bundle.manifest.golden:
            clip, _ = soundfile.read(self.bundle.file(golden.file), dtype="float32")
            difference = np.abs(self._score(clip) - np.array(golden.scores))
            largest = max(largest, float(difference.max()))
        if not largest <= GOLDEN_TOLERANCE:
            raise BundleError(
                f"{self.bundle.path} gives other scores here than where it was made: "
                f"they differ by {largest:.2g} on its golden inputs; export it again"
            )
        return largest

    def _prediction(self, samples: np.ndarray, path: Path | None = None) -> Prediction:
        return Prediction.of(
            self._score(samples), self.labels, path, thresholds=self.thresholds
        )

    def _own_rate(self, samples: np.ndarray, sample_rate: int | None) -> np.ndarray:
        if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
            raise AudioError(
                "samples must be a 1-D array of floats in -1..1, but this one has "
                f"shape {samples.shape} and dtype {samples.dtype}"
            )
        if not len(samples) or not np.isfinite(samples).all():
            raise AudioError("samples must be finite, and at least one")
        floats = samples.astype(np.float32)
        rate = sample_rate or self.sample_rate
        return resample(floats, from_rate=rate, to_rate=self.sample_rate)

    def _score(self, samples: np.ndarray) -> np.ndarray:
        windows = cut_windows(samples, self._runtime.n_samples, hop=self._hop)
        return pool_windows(self._runtime.scores(windows), self.task)


def load(path: Path | str) -> Classifier:
    """Open a bundle for prediction.

    The graph's size and hash are checked against `model.json`, and its scores on the
    golden inputs against those the model gave when it was saved.

    Args:
        path: The bundle's folder.

    Raises:
        BundleError: If it is no bundle, is broken or edited, or gives other scores.
    """
    bundle = read_bundle(path)
    graph = bundle.file(GRAPH)
    runtime = LiteRT(graph)
    expected = bundle.manifest.n_samples, len(bundle.manifest.labels)
    if (runtime.n_samples, runtime.n_labels) != expected:
        raise BundleError(
            f"{graph} takes {runtime.n_samples} samples to {runtime.n_labels} scores, "
            f"but model.json says {expected[0]} and {expected[1]}"
        )
    classifier = Classifier(bundle, runtime)
    classifier.check_golden()
    return classifier
