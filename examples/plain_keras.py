"""One level down: front end and classifier are plain Keras, with nothing to unlearn.

python examples/plain_keras.py
"""

import keras
import numpy as np

import sonotype

SAMPLE_RATE = 16_000

# Made-up data: a low or a high tone in noise.
generator = np.random.default_rng(0)
seconds = np.arange(SAMPLE_RATE) / SAMPLE_RATE
classes = generator.integers(2, size=64)
tones = np.sin(2 * np.pi * np.array([300.0, 3_000.0])[classes][:, None] * seconds)
audio = (tones + generator.standard_normal(tones.shape)).astype("float32")
targets = keras.utils.to_categorical(classes, 2)

model = sonotype.build_classifier(
    sonotype.LogMel(sample_rate=SAMPLE_RATE, n_mels=40), n_classes=2, clip_seconds=1.0
)
model.compile(
    "adam", "categorical_crossentropy", metrics=["accuracy"], jit_compile=False
)
history = model.fit(audio, targets, batch_size=16, epochs=4, verbose=0)
print(f"accuracy in training {history.history['accuracy'][-1]:.2f}")

# Any layer composes with your own model.
spectrogram = keras.Sequential(
    [keras.Input((SAMPLE_RATE,)), sonotype.Spectrogram(), sonotype.ToImage(128, 128)]
)
print("images", spectrogram(audio[:2]).shape)
