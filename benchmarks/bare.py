"""Bare inference: what reading and cutting sound are measured against."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sonotype.inference.classifier import Classifier


def bare_seconds(
    classifier: Classifier, windows: np.ndarray, n_threads: int | None = None
) -> float:
    """Time scoring windows that are ready, one share for each interpreter."""
    runtimes = classifier.runtimes(n_threads).runtimes
    shares = np.array_split(windows, len(runtimes))
    with ThreadPoolExecutor(len(runtimes)) as pool:
        began = time.perf_counter()
        jobs = [
            pool.submit(runtime.scores, share)
            for runtime, share in zip(runtimes, shares, strict=True)
        ]
        for job in jobs:
            job.result()
        return time.perf_counter() - began
