"""Cepstral coefficients: the shape of a log-mel spectrum in a few numbers."""

from typing import Any

import keras
import numpy as np
from keras import ops

from sonotype.errors import SettingError


@keras.saving.register_keras_serializable(package="sonotype")
class MFCC(keras.layers.Layer):
    """Mel-frequency cepstral coefficients of log-mel features.

    An orthonormal cosine transform (DCT-II) along the bands: coefficient 0 is the
    level, the next ones are the broad shape of the spectrum, later ones its detail.
    They are nearly uncorrelated, which small and classic models like; a convolutional
    network learns more from the bands themselves, where neighbours belong together.

    Put it after `LogMel`. Features in decibels give coefficients 10 / ln 10 = 4.34
    times as large as natural logarithms do.

    Args:
        n_coefficients: How many to keep, at most the number of bands.
        lifter: Above 0, coefficient `n` is multiplied by
            `1 + lifter / 2 * sin(pi * (n + 1) / lifter)`, which evens out their
            sizes; 0 leaves them. Speech systems use about 22.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If an argument is out of range, the input is no spectrogram, or
            it has fewer bands than coefficients are asked for.

    References:
        Davis and Mermelstein, IEEE Trans. ASSP 28 (1980), 357-366.

    Example:
        >>> MFCC(13).compute_output_shape((8, 98, 40))
        (8, 98, 13)
    """

    def __init__(
        self, n_coefficients: int = 20, *, lifter: float = 0.0, **layer_options: Any
    ) -> None:
        layer_options.setdefault("dtype", "float32")
        super().__init__(**layer_options)
        if n_coefficients < 1:
            raise SettingError(
                f"n_coefficients must be at least 1, not {n_coefficients}"
            )
        if not lifter >= 0:
            raise SettingError(f"lifter must be 0 (none) or above, not {lifter:g}")
        self.n_coefficients = n_coefficients
        self.lifter = lifter

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the transform, a weight that is never trained."""
        self.compute_output_shape(input_shape)
        matrix = _cosines(int(input_shape[-1] or 0), self.n_coefficients)
        if self.lifter > 0:
            numbers = np.arange(1, self.n_coefficients + 1)
            matrix *= 1 + self.lifter / 2 * np.sin(np.pi * numbers / self.lifter)
        # A weight, not a constant, so that it stays on the device between batches.
        self.cosines = self.add_weight(
            shape=matrix.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                matrix.astype(np.float32), dtype
            ),
            trainable=False,
            name="cosines",
        )

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Return the coefficients of each frame."""
        return ops.matmul(features, self.cosines)  # (batch, frames, coefficients)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return `(batch, frames, coefficients)`."""
        if len(input_shape) != 3 or (n_bands := input_shape[2]) is None:
            raise SettingError(
                "cepstral coefficients are made from log-mel features of shape "
                f"(batch, time, frequency), not {tuple(input_shape)}; "
                "put log_mel first"
            )
        if n_bands < self.n_coefficients:
            raise SettingError(
                f"{n_bands} bands give at most {n_bands} coefficients, not "
                f"{self.n_coefficients}; lower n_coefficients or use more bands"
            )
        return (*input_shape[:2], self.n_coefficients)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "n_coefficients": self.n_coefficients,
            "lifter": self.lifter,
        }


def _cosines(n_bands: int, n_coefficients: int) -> np.ndarray:
    """Return the orthonormal DCT-II, `(bands, coefficients)`."""
    centres = (np.arange(n_bands) + 0.5)[:, None]
    matrix = np.cos(np.pi / n_bands * centres * np.arange(n_coefficients))
    matrix *= np.sqrt(2.0 / n_bands)
    matrix[:, 0] /= np.sqrt(2.0)
    return matrix
