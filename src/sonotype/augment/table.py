"""The augmentation layers by the names that recipes use."""

from sonotype.augment.background_noise import BackgroundNoise
from sonotype.augment.clipping import Clipping
from sonotype.augment.coloured_noise import ColouredNoise
from sonotype.augment.cut_mix import CutMix
from sonotype.augment.filter_augment import FilterAugment
from sonotype.augment.frequency_shift import FrequencyShift
from sonotype.augment.gain import Gain
from sonotype.augment.high_pass import HighPass
from sonotype.augment.low_pass import LowPass
from sonotype.augment.mix_style import MixStyle
from sonotype.augment.mixup import Mixup
from sonotype.augment.pitch_shift import PitchShift
from sonotype.augment.polarity_flip import PolarityFlip
from sonotype.augment.random_layer import RandomLayer
from sonotype.augment.reverb import Reverb
from sonotype.augment.shift import Shift
from sonotype.augment.spec_augment import SpecAugment
from sonotype.augment.spec_warp import SpecWarp
from sonotype.augment.speed import Speed
from sonotype.augment.telephone import Telephone
from sonotype.augment.time_mask import TimeMask
from sonotype.augment.time_stretch import TimeStretch

AUGMENTATIONS: dict[str, type[RandomLayer]] = {
    "background_noise": BackgroundNoise,
    "clipping": Clipping,
    "coloured_noise": ColouredNoise,
    "cut_mix": CutMix,
    "filter_augment": FilterAugment,
    "frequency_shift": FrequencyShift,
    "gain": Gain,
    "high_pass": HighPass,
    "low_pass": LowPass,
    "mix_style": MixStyle,
    "mixup": Mixup,
    "pitch_shift": PitchShift,
    "polarity_flip": PolarityFlip,
    "reverb": Reverb,
    "shift": Shift,
    "spec_augment": SpecAugment,
    "spec_warp": SpecWarp,
    "speed": Speed,
    "telephone": Telephone,
    "time_mask": TimeMask,
    "time_stretch": TimeStretch,
}
