"""Bring features to mean 0 and deviation 1, by statistics learned or of the clip."""

from collections.abc import Iterable
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from sonotype.errors import DataError, SettingError, unknown_name

Statistics = Literal["data", "clip"]
STATISTICS = ("data", "clip")


@keras.saving.register_keras_serializable(package="sonotype")
class Normalize(keras.layers.Layer):
    """Subtract a mean and divide by a standard deviation.

    Of what they are taken is the choice. Those of the training data keep what is
    louder than usual: `adapt` learns them once, training leaves them alone, and they
    travel with the model. Those of each clip take away level and, per frequency, the
    colour of microphone and room; the features of a longer clip then differ from
    those of a part of it.

    Args:
        statistics: `data` learns them with `adapt`; `clip` takes each clip's own.
        per_frequency: Whether every frequency has its own, or one pair is for all.
        floor: Deviations far below this are treated as if they were this, so that
            constant features become 0 and not noise.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a name is unknown, the floor is not above 0, the input is no
            spectrogram, or statistics were not learned before they are needed.

    Example:
        >>> layer = Normalize()
        >>> layer.adapt(np.array([[[0.0, 5.0], [2.0, 5.0]]], np.float32))
        >>> keras.ops.convert_to_numpy(layer(keras.ops.array([[[3.0, 5.0]]]))).round(3)
        array([[[2., 0.]]], dtype=float32)
    """

    def __init__(
        self,
        statistics: Statistics = "data",
        *,
        per_frequency: bool = True,
        floor: float = 1e-3,
        **layer_options: Any,
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if statistics not in STATISTICS:
            raise unknown_name("statistics", statistics, STATISTICS)
        if not floor > 0:
            raise SettingError(f"floor must be above 0, not {floor:g}")
        self.statistics = statistics
        self.per_frequency = per_frequency
        self.floor = floor
        self.is_adapted = statistics == "clip"

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make room for learned statistics; until then they are unknown (nan)."""
        self.compute_output_shape(input_shape)
        if self.statistics == "clip":
            return
        shape = input_shape[2:3] if self.per_frequency else ()
        self.mean, self.deviation = (
            self.add_weight(
                shape=shape,
                initializer=keras.initializers.Constant(np.nan),
                trainable=False,
                name=name,
            )
            for name in ("mean", "deviation")
        )

    def adapt(self, batches: np.ndarray | Iterable[Any]) -> None:
        """Learn the statistics of features, in one pass and in double precision.

        What an earlier call learned is forgotten. `sonotype train` calls this with
        the features of the training clips.

        Args:
            batches: Features `(batch, time, frequency[, channel])` as one array, or
                any iterable of such arrays; a `tf.data.Dataset` is one.

        Raises:
            SettingError: If the layer takes the statistics of each clip.
            DataError: If there are no features, or some are not finite.
        """
        if self.statistics == "clip":
            raise SettingError(
                "a layer with the statistics of each clip has nothing to learn; "
                "leave out adapt, or use statistics='data'"
            )
        total: tuple[Any, Any, Any] = (0.0, 0.0, 0.0)
        for number, batch in enumerate([batches] if _is_array(batches) else batches):
            features = _checked(batch, number)
            if not self.built:
                self.build(features.shape)
            self._require_frequencies(features.shape)
            axes = tuple(axis for axis in range(features.ndim) if axis != 2)
            total = _merged(total, features, axes if self.per_frequency else None)
        count, mean, squares = total
        if not count:
            raise DataError("there are no features to learn statistics from")
        self.mean.assign(mean)
        self.deviation.assign(np.sqrt(squares / count))
        self.is_adapted = True

    def _require_frequencies(self, shape: tuple[int, ...]) -> None:
        n_given = self.compute_output_shape(shape)[2]
        if self.per_frequency and n_given != self.mean.shape[0]:
            raise DataError(
                f"the features have {n_given} frequencies, but the layer was built for "
                f"{self.mean.shape[0]}; adapt it with what it will be given"
            )

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Return the features with their mean taken away, in units of a deviation."""
        if not self.is_adapted:
            raise SettingError(
                f"{self.name} has learned no statistics yet; call its adapt with "
                "features of the training data first"
            )
        if self.statistics == "clip":
            last = len(features.shape)
            axes = tuple(
                axis for axis in range(1, last) if axis != 2 or not self.per_frequency
            )
            centred = features - ops.mean(features, axis=axes, keepdims=True)
            variance = ops.mean(ops.square(centred), axis=axes, keepdims=True)
        else:
            shape = (1, 1, -1) + (1,) * (len(features.shape) - 3)
            centred = features - ops.reshape(self.mean, shape)
            variance = ops.square(ops.reshape(self.deviation, shape))
        return centred / ops.sqrt(variance + self.floor**2)

    def load_own_variables(self, store: Any) -> None:
        """Load the statistics, which makes the layer ready unless they are unknown."""
        super().load_own_variables(store)
        if self.statistics == "data":
            known = np.isfinite(ops.convert_to_numpy(self.deviation))
            self.is_adapted = bool(known.all())

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        if len(input_shape) not in (3, 4) or input_shape[2] is None:
            raise SettingError(
                "features are normalised in spectrograms of shape "
                f"(batch, time, frequency[, channel]), not {tuple(input_shape)}"
            )
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; what was learned is in the weights."""
        return {
            **super().get_config(),
            "statistics": self.statistics,
            "per_frequency": self.per_frequency,
            "floor": self.floor,
        }


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _checked(batch: Any, number: int) -> np.ndarray:
    if not _is_array(batch):
        raise DataError(
            f"batch {number} is a {type(batch).__name__}, not an array of features; "
            "give features without targets"
        )
    features: np.ndarray = np.asarray(ops.convert_to_numpy(batch), np.float64)
    if not np.isfinite(features).all():
        raise DataError(f"batch {number} holds features that are not finite")
    return features


def _merged(
    total: tuple[Any, Any, Any], features: np.ndarray, axes: tuple[int, ...] | None
) -> tuple[Any, Any, Any]:
    """Add a batch to count, mean and squared deviations, without cancellation."""
    count, mean, squares = total
    centre = features.mean(axis=axes, keepdims=True)
    spread = np.square(features - centre).sum(axis=axes)
    added = features.size // centre.size
    step = centre.reshape(spread.shape) - mean
    share = added / (count + added)
    return (
        count + added,
        mean + step * share,
        squares + spread + np.square(step) * count * share,
    )
