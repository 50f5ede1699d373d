"""Options that tell how scores become events, written once for `scan` and `events`."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sonotype.interfaces.cli.options import parse_seconds

if TYPE_CHECKING:
    from sonotype.inference.event_detection import EventRule


class SmoothBy(StrEnum):
    """What replaces a score."""

    mean = "mean"
    median = "median"


class Extent(StrEnum):
    """What time a window stands for."""

    centre = "centre"
    window = "window"


ThresholdOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Score that begins an event: one for all labels, or LABEL=SCORE; may be "
        "repeated. Default: the bundle's, else 0.5."
    ),
]
OffOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Score down to which an event lasts, likewise. Default: the threshold."
    ),
]
SmoothOption = Annotated[
    float, typer.Option(parser=parse_seconds, metavar="TIME", help="Smooth scores.")
]
SmoothByOption = Annotated[SmoothBy, typer.Option(help="How they are smoothed.")]
GapOption = Annotated[
    float,
    typer.Option(
        parser=parse_seconds, metavar="TIME", help="Close gaps up to this long."
    ),
]
MinOption = Annotated[
    float,
    typer.Option(
        "--min", parser=parse_seconds, metavar="TIME", help="Leave out shorter events."
    ),
]
ExtentOption = Annotated[
    Extent,
    typer.Option(
        help="The time a window stands for: that round its centre, or all of it."
    ),
]
HopOption = Annotated[
    float | None,
    typer.Option(
        parser=parse_seconds,
        metavar="TIME",
        help="From one window to the next, such as 0.5s. Default: the bundle's.",
    ),
]


@dataclass(frozen=True)
class EventOptions:
    """What the command line says about events.

    Args:
        threshold: Scores, or labels and scores.
        off: Likewise.
        smooth: Seconds.
        smooth_by: How.
        gap: Seconds.
        min: Seconds.
        extent: The time a window stands for.
        classes: Only these labels.
    """

    threshold: Sequence[str] | None = None
    off: Sequence[str] | None = None
    smooth: float = 0.0
    smooth_by: SmoothBy = SmoothBy.mean
    gap: float = 0.0
    min: float = 0.0
    extent: Extent = Extent.centre
    classes: Sequence[str] | None = None

    def rule(self, labels: Sequence[str]) -> "EventRule":
        """Return the rule for a model with these labels.

        Raises:
            SettingError: If a value is out of range or a label unknown.
        """
        from sonotype.inference.event_detection import EventRule

        return EventRule(
            threshold=parse_scores(self.threshold, labels, "--threshold"),
            off=parse_scores(self.off, labels, "--off"),
            smooth_seconds=self.smooth,
            smooth_by=self.smooth_by.value,
            gap_seconds=self.gap,
            min_seconds=self.min,
            extent=self.extent.value,
            labels=self.classes,
        )


NO_OPTIONS = EventOptions()


def parse_scores(
    texts: Sequence[str] | None, labels: Sequence[str], option: str
) -> dict[str, float] | None:
    """Return the score of each label that an option names.

    Raises:
        SettingError: If there is no such label, or it is no number from 0 to 1.
    """
    from sonotype.errors import SettingError, unknown_name

    every: dict[str, float] = {}
    named: dict[str, float] = {}
    for text in texts or ():
        label, _, number = text.rpartition("=")
        try:
            score = float(number)
        except ValueError:
            raise SettingError(
                f"{option} {text!r} is neither a score nor LABEL=SCORE"
            ) from None
        if not 0 <= score <= 1:
            raise SettingError(f"{option} {text!r} is not from 0 to 1, as scores are")
        if not label:
            every = dict.fromkeys(labels, score)
        elif label in labels:
            named[label] = score
        else:
            raise unknown_name("label", label, labels)
    return {**every, **named} if texts else None
