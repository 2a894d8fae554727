"""A sweep by emolab against the same work in scikit-learn, in one run: `just bench-sweep`.

Three feature sets of 303 images, 1,280 numbers each, generated as in peers.py; 8 numbers of components; 5 folds, the same
for both. emolab starts with an empty store in a new folder and leaves its tables with intervals, its figure in three formats
and every stage's result; scikit-learn's script (sweep_peer.py) leaves its predictions. Both run in turns. Times are of the
whole process, best of three, of emolab's up to its predictions, without the last stage, which makes intervals, tables and figure, of
the fits alone in the script, and of all cores together. The script's PCA is
scikit-learn's default there, which is randomized and not exact for many components; rates are compared with a further run of
it by the full decomposition, and the benchmark fails where they are further apart than one image per class.
"""

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import sklearn

EMOLAB = os.path.abspath(sys.argv[1])
COMPONENTS = [int(k) for k in os.environ.get("COMPONENTS", "5,10,20,30,40,50,75,100").split(",")]
IMAGES = int(os.environ.get("IMAGES", "303"))
REPEATS = int(os.environ.get("REPEATS", "3"))
EMOTIONS = ["amusement", "anger", "awe", "contentment", "disgust", "excitement", "fear", "sadness"]
CLASSES = np.array([0.10, 0.06, 0.09, 0.15, 0.12, 0.16, 0.14, 0.18])
PEER = Path(__file__).with_name("sweep_peer.py")


def features(labels, d, seed):
    rng = np.random.default_rng(seed)
    factors = min(200, d)
    means = 0.35 * rng.normal(size=(8, factors))
    latent = (rng.normal(size=(len(labels), factors)) + means[labels]) * np.arange(1, factors + 1) ** -0.7
    rows = latent @ rng.normal(size=(factors, d)) + 0.1 * rng.normal(size=(len(labels), d))
    return rows.astype(np.float32)


def experiment(sweep):
    methods = "".join(
        f'[[method]]\nvariant = "precomputed"\nname = "method {i}"\nfeatures = "features_{i}.npy"\n' for i in range(3)
    )
    return (
        '[experiment]\nname = "sweep"\n[dataset]\nname = "bench"\nmanifest = "manifest.csv"\n'
        f'[split]\nfolds = 5\ngrouped = false\n{methods}[pca]\ncomponents = 20\n{sweep}'
    )


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(command, cwd):
    """Seconds of the whole process: by the clock, and of all cores together."""
    began, used = time.perf_counter(), processor_seconds()
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if ended.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{ended.stdout}{ended.stderr}")
    return time.perf_counter() - began, processor_seconds() - used


def seconds_of_report(folder):
    """Of the last stage, which runs alone and has no counterpart in the script: 10,000 resamples, tables, three formats."""
    stages = json.loads((folder / "results/sweep/run.json").read_text())["stages"]
    return sum(stage["seconds"] for stage in stages if stage["stage"] == "report-sweep")


def sweep_folder(folder, number):
    """A folder of its own for each run: files that were deleted a moment ago slow down a file system that makes new ones."""
    own = folder / f"run_{number}"
    (own / ".emolab").mkdir(parents=True)
    for name in ["manifest.csv", "sweep.toml", *(f"features_{i}.npy" for i in range(3))]:
        os.link(folder / name, own / name)
    return own


def rates(labels, predicted):
    return np.array([(predicted[labels == k] == k).sum() for k in range(8)])


def main():
    folder = Path(tempfile.mkdtemp(prefix="emolab-bench-"))
    rng = np.random.default_rng(2016)
    labels = rng.choice(8, size=IMAGES, p=CLASSES)
    np.save(folder / "labels.npy", labels)
    for i in range(3):
        np.save(folder / f"features_{i}.npy", features(labels, 1280, i))
    lines = [f"{i}.jpg,{EMOTIONS[label]}" for i, label in enumerate(labels)]
    (folder / "manifest.csv").write_text("path,label\n" + "\n".join(lines) + "\n")
    (folder / ".emolab").mkdir()
    # Which image is in which fold is emolab's to say; a single run leaves it in its predictions.
    (folder / "one.toml").write_text(experiment(""))
    run([EMOLAB, "run", "one.toml", "--quiet"], folder)
    table = pyarrow.parquet.read_table(folder / "results/sweep/predictions.parquet")
    folds = np.empty(IMAGES, dtype=int)
    for image, fold in zip(table["image"].to_pylist(), table["fold"].to_pylist()):
        folds[int(image.split(".")[0])] = fold
    np.save(folder / "folds.npy", folds)

    sweep = f'[sweep]\n"pca.components" = {COMPONENTS}\nselect = "none"\n'
    (folder / "sweep.toml").write_text(experiment(sweep))
    peer = [sys.executable, str(PEER), str(folder), ",".join(map(str, COMPONENTS)), str(folder / "peer.json")]
    ours, theirs, fits, predicted = [], [], [], []
    for number in range(REPEATS):
        own = sweep_folder(folder, number)
        ours.append(run([EMOLAB, "run", "sweep.toml", "--quiet"], own))
        predicted.append(ours[-1][0] - seconds_of_report(own))
        theirs.append(run([*peer, "auto"], folder))
        fits.append(json.loads((folder / "peer.json").read_text())["seconds"])
    again, _ = min(run([EMOLAB, "run", "sweep.toml", "--quiet"], own) for _ in range(5))

    run([*peer, "full"], folder)
    counts = {}
    for line in (own / "results/sweep/sweep.csv").read_text().splitlines()[1:]:
        row = line.split(",")
        if row[3] != "mean":
            counts[row[2], int(row[1]), row[3]] = int(row[5] or 0)
    furthest, points = 0, json.loads((folder / "peer.json").read_text())["points"]
    differ = 0
    for point in points:
        theirs_right = rates(labels, np.array(point["predicted"]))
        name = f"method {point['method']}"
        ours_right = np.array([counts[name, point["components"], emotion] for emotion in EMOTIONS])
        furthest = max(furthest, np.abs(theirs_right - ours_right).max())
        differ += (theirs_right != ours_right).sum()
    shutil.rmtree(folder)

    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, scikit-learn {sklearn.__version__}")
    print(f"{IMAGES} images, 1,280 features, 3 methods, 5 folds, components {COMPONENTS}\n")
    clock, processor = min(ours)[0], min(used for _, used in ours)
    rows = [
        ("whole process", clock, min(theirs)[0]),
        ("the same work, up to the predictions", min(predicted), min(theirs)[0]),
        ("against its fits alone", clock, min(fits)),
        ("whole process, seconds of all cores", processor, min(used for _, used in theirs)),
    ]
    print("| | emolab | scikit-learn | ratio |\n|---|---|---|---|")
    for name, own_time, peer_time in rows:
        print(f"| {name} | {own_time:.2f} s | {peer_time:.2f} s | {peer_time / own_time:.1f} |")
    print(f"\nsecond run of emolab: {1000 * again:.0f} ms")
    print(f"right answers per point, method and class: {differ} of {8 * len(points)} differ, by {furthest} at most")
    if furthest > 1:
        sys.exit("error: rates are further apart than one image per class")


if __name__ == "__main__":
    main()
