"""The front-end layers by the names that recipes use."""

import keras

from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.spectrogram import Spectrogram
from sonotype.frontend.standardize import Standardize
from sonotype.frontend.to_image import ToImage

FRONTENDS: dict[str, type[keras.layers.Layer]] = {
    "log_mel": LogMel,
    "spectrogram": Spectrogram,
    "standardize": Standardize,
    "to_image": ToImage,
}
