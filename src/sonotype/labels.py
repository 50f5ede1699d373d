"""The ordered, unique names a model can answer with."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sonotype.errors import DataError, unknown_name

# One label a clip, whose scores sum to one; or any number, each with its own score.
Task = Literal["single-label", "multi-label"]


@dataclass(frozen=True)
class Labels(Sequence[str]):
    """Ordered, unique label names; position is the index of a model's output.

    Args:
        names: The names, in the order of the model's outputs.

    Raises:
        DataError: If there is no name, or one is empty, padded or repeated.

    Example:
        >>> labels = Labels(("no", "yes"))
        >>> labels.index("yes"), labels[0], len(labels)
        (1, 'no', 2)
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse names that could not be told apart."""
        object.__setattr__(self, "names", tuple(self.names))
        if not self.names:
            raise DataError("there are no labels; at least one class is needed")
        for name in self.names:
            if not name or name != name.strip():
                raise DataError(f"label {name!r} is empty or padded; rename it")
        repeated = [name for name, count in Counter(self.names).items() if count > 1]
        if repeated:
            raise DataError(f"labels must be unique; repeated: {repeated}")

    @classmethod
    def of(cls, names: Iterable[str]) -> "Labels":
        """Return the sorted distinct names.

        Example:
            >>> Labels.of(["yes", "no", "yes"]).names
            ('no', 'yes')
        """
        return cls(tuple(sorted(set(names))))

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.names)}

    def index(self, name: str, start: int = 0, stop: int | None = None) -> int:
        """Return the position of `name`.

        Raises:
            SettingError: If there is no such label; names the nearest.
        """
        try:
            return self._positions[name]
        except KeyError:
            raise unknown_name("label", name, self.names) from None

    def __getitem__(self, position: int) -> str:  # type: ignore[override]
        return self.names[position]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._positions
