"""A bundle ready to use: files or samples in, predictions out, without TensorFlow."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sonotype.audio.io import read_audio
from sonotype.audio.resample import resample
from sonotype.audio.stream import AudioStream
from sonotype.audio.windows import cut_windows
from sonotype.bundle import GRAPH, Bundle, read_bundle
from sonotype.errors import AudioError, SettingError
from sonotype.inference.dense import DenseGraph, DensePool
from sonotype.inference.embedding import (
    EmbeddingRuntime,
    Embeddings,
    embed_samples,
)
from sonotype.inference.graph import (
    check_golden,
    copies,
    graph_sha256,
    open_graph,
)
from sonotype.inference.many import score_many
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
    from sonotype.clips import Clip, Clips


class Classifier:
    """The one object of the run side; make it with `load`.

    Args:
        bundle: The opened bundle.
        runtime: Its graph, loaded.
        graph: Which of its graphs that is, one of `GRAPHS`.
    """

    def __init__(
        self, bundle: Bundle, runtime: Runtime, *, graph: str = "litert"
    ) -> None:
        self.bundle = bundle
        self.graph = graph
        self.labels = Labels(bundle.manifest.labels)
        self.sample_rate = bundle.manifest.sample_rate
        self.clip_seconds = bundle.manifest.clip_seconds
        self.task = bundle.manifest.task
        self.thresholds = bundle.manifest.thresholds
        self._runtime = runtime
        self._alone = RuntimePool([runtime])
        self._pools: dict[int, RuntimePool] = {}
        self._embedders: RuntimePool | None = None
        self._dense: DenseGraph | None = None
        self._dense_pools: dict[int, DensePool] = {}
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
            return self._named(self._score(samples))
        path = Path(source)
        return self._named(self._score(read_audio(path, self.sample_rate)), path)

    def predict_many(
        self,
        sources: Iterable[Path | str],
        *,
        n_threads: int | None = None,
        on_error: Callable[[Path, AudioError], None] | None = None,
    ) -> Iterator[Prediction]:
        """Classify files, in order; some are read while others are scored.

        Args:
            sources: Audio files, taken up some way before they are asked for.
            n_threads: Threads that score; default: one for each core that this
                process may use. Their number changes no score.
            on_error: Called for a file that cannot be decoded, which is then left out;
                without, it raises.

        Raises:
            AudioError: If a file cannot be decoded, in its place.
        """
        pool = partial(self.runtimes, n_threads)
        found = score_many(
            lambda path: read_audio(path, self.sample_rate),
            self._score,
            map(Path, sources),
            pool,
            alone=self._alone,
        )
        for path, scores in found:
            if not isinstance(scores, AudioError):
                yield self._named(scores, path)
            elif on_error is None:
                raise scores
            else:
                on_error(path, scores)

    def scores(self, clips: "Clips", *, n_threads: int | None = None) -> np.ndarray:
        """Score a table of clips, float32 of shape `(n_clips, n_labels)`.

        Args:
            clips: The table.
            n_threads: As of `predict_many`.

        Raises:
            AudioError: If a clip cannot be decoded.
        """

        def read(clip: "Clip") -> np.ndarray:
            return read_audio(
                clip.path,
                self.sample_rate,
                start_seconds=clip.start_seconds,
                end_seconds=clip.end_seconds,
            )

        pool = partial(self.runtimes, n_threads)
        rows = []
        for _, row in score_many(read, self._score, clips, pool, alone=self._alone):
            if isinstance(row, AudioError):
                raise row
            rows.append(row)
        return np.stack(rows) if rows else np.empty((0, len(self.labels)), np.float32)

    def scan(
        self,
        path: Path | str,
        *,
        hop_seconds: float | None = None,
        n_threads: int | None = None,
        dense: bool = False,
    ) -> Iterator[WindowScores]:
        """Score every window of a recording of any length, in constant memory.

        Args:
            path: An audio file of any rate and number of channels.
            hop_seconds: From one window's start to the next, at most the model's clip;
                default: the bundle's, half a clip.
            n_threads: Threads that score windows; default: one for each core that
                this process may use. Their number changes no score.
            dense: Whether what overlapping windows share is computed once, by the graph
                that `sonotype export --to litert-dense` adds. Windows then hear what
                is around them, which changes their scores; the hop must be a multiple
                or a whole part of that graph's stride, and is the one nearest to the
                bundle's by default.

        Yields:
            The next windows, with their times and scores. They begin every hop; one
            more ends where the recording does.

        Raises:
            AudioError: If the file cannot be decoded to its end.
            BundleError: If there is no such graph, or it is broken.
            SettingError: If the hop is not as above.
        """
        hop = self.hop_samples(hop_seconds, dense=dense)
        stream = AudioStream(path, self.sample_rate)
        pool = self._dense_pool(n_threads) if dense else self.runtimes(n_threads)
        return scan_stream(stream, pool, hop=hop)

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

    def hop_samples(
        self, hop_seconds: float | None = None, *, dense: bool = False
    ) -> int:
        """Return the samples from one window's start to the next.

        Args:
            hop_seconds: The same in seconds; `None` is the bundle's.
            dense: As of `scan`.

        Raises:
            BundleError: As of `scan`.
            SettingError: If it is less than a sample, or longer than a window, or not
                one that a dense scan can have.
        """
        rate, n_samples = self.sample_rate, self._runtime.n_samples
        hop = self._hop
        if hop_seconds is not None:
            hop = hop_samples(hop_seconds, sample_rate=rate, n_samples=n_samples)
        if not dense:
            return hop
        exactly = hop_seconds is not None
        return self.dense.layout.hop(hop, sample_rate=rate, exactly=exactly)

    @property
    def dense(self) -> DenseGraph:
        """The graph of the bundle that scores many windows at once.

        Raises:
            BundleError: If there is none, or it is broken or edited.
            SettingError: If another runtime than LiteRT was asked for.
        """
        if self.graph != "litert":
            raise SettingError(
                f"dense scans have a graph of their own, which is LiteRT's: leave out "
                f"either the runtime {self.graph} or dense"
            )
        if self._dense is None:
            self._dense = DenseGraph(self.bundle)
        return self._dense

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
            self._pools[n_threads] = RuntimePool(
                copies(self._runtime, self.bundle, self.graph, n_threads)
            )
        return self._pools[n_threads]

    @property
    def graph_sha256(self) -> str:
        """Which graph gives the scores: what they are of, if they are kept."""
        return graph_sha256(self.bundle, self.graph)

    def _dense_pool(self, n_threads: int | None) -> DensePool:
        n_threads = n_threads or usable_cores()
        if n_threads not in self._dense_pools:
            alone = self.runtimes(n_threads)
            self._dense_pools[n_threads] = self.dense.pool(n_threads, alone)
        return self._dense_pools[n_threads]

    def _embedding_pool(self) -> RuntimePool:
        if self._embedders is None:
            # Copies of its own: a scan may be going on meanwhile, and no other graph
            # of a bundle gives embeddings.
            graph = self.bundle.file(GRAPH)
            self._embedders = RuntimePool(
                [
                    EmbeddingRuntime(LiteRT(graph, n_threads=1), self.bundle.path)
                    for _ in range(usable_cores())
                ]
            )
        return self._embedders

    def check_golden(self) -> float:
        """Score the bundle's golden inputs and return the largest difference.

        Raises:
            BundleError: If the scores here are not those the model was saved with.
        """
        return check_golden(self.bundle, self.graph, self._score)

    def _named(self, scores: np.ndarray, path: Path | None = None) -> Prediction:
        return Prediction.of(scores, self.labels, path, thresholds=self.thresholds)

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

    def _score(self, samples: np.ndarray, runtime: Runtime | None = None) -> np.ndarray:
        windows = cut_windows(samples, self._runtime.n_samples, hop=self._hop)
        return pool_windows((runtime or self._runtime).scores(windows), self.task)


def load(path: Path | str, *, runtime: str = "litert") -> Classifier:
    """Open a bundle for prediction.

    The graph's size and hash are checked against `model.json`, and its scores on the
    golden inputs against those the model gave when it was saved.

    Args:
        path: The bundle's folder.
        runtime: Which of its graphs to use: `litert`, which every bundle has, or one
            that `sonotype export` has added, by the same name.

    Raises:
        BundleError: If it is no bundle, is broken or edited, gives other scores, or
            does not have that graph.
        MissingDependencyError: If what runs the graph is not installed.
        SettingError: If there is no such runtime.
    """
    bundle = read_bundle(path)
    classifier = Classifier(bundle, open_graph(bundle, runtime), graph=runtime)
    classifier.check_golden()
    return classifier
