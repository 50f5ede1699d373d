"""Scoring many clips, read from files while others are scored."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from typing import TypeVar

import numpy as np

from sonotype.errors import AudioError
from sonotype.inference.scan import RuntimePool
from sonotype.inference.threads import Threads
from sonotype.runtime import Runtime

_Item = TypeVar("_Item")
Read = Callable[[_Item], np.ndarray]
Score = Callable[[np.ndarray, Runtime], np.ndarray]
Found = np.ndarray | AudioError

# A thread reads some clips and then scores them: a network is computed faster while
# nothing else needs the processor's cache. As many as take about so long, or the last
# thread to finish would finish late.
_SHARE_SECONDS = 0.02
_MOST_CLIPS = 32
# Of all of them together, or a few long recordings would fill the memory.
_MOST_SAMPLES = 2**20
# Shares that wait for each thread.
_AHEAD = 2
# More threads than runtimes hinder each other: with one more, a fifth fewer files were
# predicted a second. It is worth its while only where one has to wait for files, on a
# disk that is slow or far: where a share takes so many times its processor time.
_WAITING = 3.0


def score_many(
    read: Read[_Item],
    score: Score,
    items: Iterable[_Item],
    make_pool: Callable[[], RuntimePool],
    *,
    alone: RuntimePool,
) -> Generator[tuple[_Item, Found], None, None]:
    """Yield each item with its scores, or why it cannot be read, in order.

    Args:
        read: Item to samples; called on several threads at once.
        score: Samples to scores, with a runtime that is its own meanwhile.
        items: Taken up a little before their scores are asked for.
        make_pool: Loads a runtime for each thread; not called for a single item.
        alone: What scores a single item.
    """
    items = iter(items)
    some = list(itertools.islice(items, 2))
    if len(some) < 2:
        yield from _score_some(some, read, score, alone)
        return
    pool = make_pool()
    n_threads = len(pool.runtimes)
    waiting: deque[Future[tuple[list[tuple[_Item, Found]], float, bool]]] = deque()
    items = itertools.chain(some, items)
    n_items, is_wider = 1, False
    threads = Threads(n_threads)
    try:
        while share := list(itertools.islice(items, n_items)):
            waiting.append(threads.submit(_timed, share, read, score, pool))
            if len(waiting) > _AHEAD * (n_threads + 1):
                found, seconds, must_wait = waiting.popleft().result()
                if seconds < _SHARE_SECONDS:
                    n_items = min(2 * n_items, _MOST_CLIPS)
                if must_wait and not is_wider:
                    is_wider = True
                    threads.shutdown()  # once what it was given is done
                    threads = Threads(n_threads + 1)
                yield from found
        while waiting:
            yield from waiting.popleft().result()[0]
    finally:
        threads.end()


def _timed(
    items: Iterable[_Item], read: Read[_Item], score: Score, pool: RuntimePool
) -> tuple[list[tuple[_Item, Found]], float, bool]:
    """Score items; return as well the seconds it took, and if most were waiting."""
    began, worked = time.perf_counter(), time.thread_time()
    found = _score_some(items, read, score, pool)
    seconds, worked = time.perf_counter() - began, time.thread_time() - worked
    return found, seconds, seconds > _WAITING * worked


def _score_some(
    items: Iterable[_Item], read: Read[_Item], score: Score, pool: RuntimePool
) -> list[tuple[_Item, Found]]:
    """Read items until they are many samples, score those, and so on."""
    done: list[tuple[_Item, Found]] = []
    ready: list[tuple[_Item, Found]] = []

    def score_ready() -> None:
        with pool.free() as runtime:
            for item, found in ready:
                if not isinstance(found, AudioError):
                    found = score(found, runtime)
                done.append((item, found))
        ready.clear()

    n_samples = 0
    for item in items:
        try:
            samples = read(item)
        except AudioError as error:
            ready.append((item, error))
            continue
        ready.append((item, samples))
        n_samples += len(samples)
        if n_samples > _MOST_SAMPLES:
            score_ready()
            n_samples = 0
    score_ready()
    return done
