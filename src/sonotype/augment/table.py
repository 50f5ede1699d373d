"""The augmentation layers by the names that recipes use."""

import keras

from sonotype.augment.background_noise import BackgroundNoise
from sonotype.augment.gain import Gain
from sonotype.augment.mixup import Mixup
from sonotype.augment.shift import Shift
from sonotype.augment.spec_augment import SpecAugment
from sonotype.augment.spec_warp import SpecWarp
from sonotype.augment.speed import Speed

AUGMENTATIONS: dict[str, type[keras.layers.Layer]] = {
    "background_noise": BackgroundNoise,
    "gain": Gain,
    "mixup": Mixup,
    "shift": Shift,
    "spec_augment": SpecAugment,
    "spec_warp": SpecWarp,
    "speed": Speed,
}
