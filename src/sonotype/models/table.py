"""The backbones by the names that recipes use, and where their weights come from."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import keras

from sonotype.errors import unknown_name
from sonotype.frontend.presets import PRESETS
from sonotype.models import applications, efficientat, efficientnet, efficientnet_lite
from sonotype.models.bc_resnet import bc_resnet
from sonotype.models.birdnet import SPECIES, birdnet
from sonotype.models.cnn import cnn
from sonotype.models.crnn import crnn
from sonotype.models.ds_cnn import ds_cnn
from sonotype.models.keyword_transformer import keyword_transformer
from sonotype.models.matchboxnet import matchboxnet
from sonotype.models.residual import residual_network
from sonotype.models.speech_embedding import SPEECH, speech_embedding
from sonotype.models.weights import PublishedWeights

# What networks from images see best: the article's pictures are almost black to them.
PICTURES = "pictures"


@dataclass(frozen=True)
class Backbone:
    """A network from features to a feature map.

    Args:
        build: From the shape of a clip's features, and options, to the model.
        summary: What it is, in a line.
        weights: Those it can start from; `None` if it is trained from scratch only.
        frontend: The preset that its weights were learned behind, or that makes what
            it needs; `None` if any features will do.
        pad_seconds: Silence put before and after a clip where its weights are used: a
            network that pads nothing in time barely sees the ends.
    """

    build: Callable[..., keras.Model]
    summary: str
    weights: PublishedWeights | None = None
    frontend: str | None = None
    pad_seconds: float = 0.0

    @property
    def sample_rate(self) -> int | None:
        """The rate its weights were learned at, in hertz; `None` if any will do."""
        return PRESETS[self.frontend].sample_rate if self.frontend else None

    @property
    def options(self) -> list[str]:
        """What can be set, besides the weights."""
        fixed = self.build.keywords if isinstance(self.build, partial) else {}
        known = inspect.signature(self.build).parameters
        return [
            name for name in known if name not in {"input_shape", "weights", *fixed}
        ]


BACKBONES: Mapping[str, Backbone] = MappingProxyType(
    {
        # For sound, from scratch.
        "residual": Backbone(residual_network, "3x3 convolutions with shortcuts"),
        "cnn": Backbone(cnn, "plain 3x3 convolutions and pooling"),
        "bc_resnet": Backbone(bc_resnet, "broadcasted residual learning"),
        "matchboxnet": Backbone(matchboxnet, "separable convolutions along time"),
        "ds_cnn": Backbone(ds_cnn, "depthwise-separable convolutions"),
        "crnn": Backbone(crnn, "convolutions, then a recurrent layer"),
        "keyword_transformer": Backbone(
            keyword_transformer, "attention between frames"
        ),
        # From sound.
        "speech_embedding": Backbone(
            speech_embedding,
            "Google's keyword-spotting features",
            SPEECH,
            "speech_embedding",
            pad_seconds=0.4,
        ),
        **{
            f"efficientat_mn{round(10 * width):02d}": Backbone(
                partial(efficientat.efficientat, width=width),
                f"MobileNetV3 of width {width:g}, an audio tagger",
                weights,
                "efficientat",
            )
            for width, weights in efficientat.AUDIOSET.items()
        },
        "birdnet": Backbone(
            birdnet,
            "BirdNET 2.4 without its list of species",
            SPECIES,
            "birdnet",
        ),
        # From images.
        "efficientnet_lite0": Backbone(
            efficientnet_lite.efficientnet_lite0,
            "EfficientNet for phones",
            efficientnet_lite.IMAGENET,
            PICTURES,
        ),
        **{
            f"efficientnet_{size}": Backbone(
                getattr(efficientnet, f"efficientnet_{size}"),
                f"EfficientNet-{size.upper()}",
                weights,
                PICTURES,
            )
            for size, weights in efficientnet.IMAGENET.items()
        },
        **{
            name: Backbone(
                getattr(applications, name),
                applications.NETWORKS[name].__name__,
                weights,
                PICTURES,
            )
            for name, weights in applications.IMAGENET.items()
        },
    }
)


def find_backbone(name: str) -> Backbone:
    """Return a backbone by name.

    Raises:
        SettingError: If there is none of that name.

    Example:
        >>> find_backbone("speech_embedding").sample_rate
        16000
    """
    if name not in BACKBONES:
        raise unknown_name("backbone", name, BACKBONES)
    return BACKBONES[name]
