"""The front-end layers by the names that recipes use."""

import keras

from sonotype.frontend.birdnet_spectrogram import BirdNETSpectrogram
from sonotype.frontend.log_mel import LogMel
from sonotype.frontend.mfcc import MFCC
from sonotype.frontend.normalize import Normalize
from sonotype.frontend.pad import Pad
from sonotype.frontend.pcen import PCEN
from sonotype.frontend.pre_emphasis import PreEmphasis
from sonotype.frontend.spectrogram import Spectrogram
from sonotype.frontend.standardize import Standardize
from sonotype.frontend.to_image import ToImage

FRONTENDS: dict[str, type[keras.layers.Layer]] = {
    "birdnet_spectrogram": BirdNETSpectrogram,
    "log_mel": LogMel,
    "mfcc": MFCC,
    "normalize": Normalize,
    "pad": Pad,
    "pcen": PCEN,
    "pre_emphasis": PreEmphasis,
    "spectrogram": Spectrogram,
    "standardize": Standardize,
    "to_image": ToImage,
}
