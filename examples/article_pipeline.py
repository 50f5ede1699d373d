"""The classic tf.data pipeline: batches of 128 x 128 x 3 spectrograms and labels.

    python examples/article_pipeline.py FOLDER

Trains a small network of your own on it; any `keras.Model` of images will do.
"""

import sys

import keras

import sonotype

train, validation, _ = sonotype.split(sonotype.read_folder(sys.argv[1]), seed=0)
dataset = sonotype.tf_dataset(train, batch_size=16)  # shuffled and repeated without end
held_out = sonotype.tf_dataset(validation, batch_size=16, training=False)

model = keras.Sequential(
    [
        keras.Input((128, 128, 3)),
        keras.layers.Conv2D(8, 3, strides=4, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(len(train.labels), activation="softmax"),
    ]
)
model.compile(
    "adam", "categorical_crossentropy", metrics=["accuracy"], jit_compile=False
)
model.fit(
    dataset, validation_data=held_out, steps_per_epoch=10, epochs=2, shuffle=False
)
loss, accuracy = model.evaluate(held_out, verbose=0)
print(f"validation loss {loss:.3f}, accuracy {accuracy:.3f}")
