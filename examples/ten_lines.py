"""The whole job in ten lines.

    python examples/ten_lines.py FOLDER words.sonotype

FOLDER holds a folder of recordings per class.
"""

import sys

import sonotype

folder, path = sys.argv[1:3]

train, validation, test = sonotype.split(sonotype.read_folder(folder), seed=0)
trained = sonotype.train(train, validation)
report = sonotype.evaluate(trained, test)
print(report)
sonotype.export(trained, path, test_metrics=report.to_dict())

classifier = sonotype.load(path)  # nothing from here on needs TensorFlow
for clip in test.select([0, 1, 2]):
    print(clip.path.name, clip.labels[0], classifier.predict(clip.path))
