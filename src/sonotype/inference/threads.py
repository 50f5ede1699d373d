"""Threads that score, for as long as somebody asks for scores."""

from concurrent.futures import ThreadPoolExecutor
from threading import get_ident


class Threads(ThreadPoolExecutor):
    """Threads that can be ended from any thread, one of them as well.

    A generator that nobody goes on with is ended where Python happens to collect it,
    and a thread that waits for itself would wait forever.

    Args:
        n_threads: How many.
    """

    def __init__(self, n_threads: int) -> None:
        self._own: set[int] = set()
        super().__init__(n_threads, initializer=lambda: self._own.add(get_ident()))

    def end(self) -> None:
        """Drop what has not begun, and wait for the rest unless this is part of it."""
        self.shutdown(wait=get_ident() not in self._own, cancel_futures=True)
