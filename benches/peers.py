"""Our solvers against scikit-learn's on the same arrays, in the same run: `just bench-solvers`.

Prints a Markdown table of the best times and their ratios. The features are generated: eight classes of unequal size, a
spectrum that decays as that of a CNN's features. Scores are their first principal components, in raw units (mean
squared norm about 3,400) or divided by one number so that the mean squared norm is d, as emolab does by default.
Eight problems are one fit: each class against the rest, C = 1, the class's weight N_other / N_class. A time after ">"
is of a fit that stopped short of its optimum: at its own limit of iterations, or at PATIENCE (seconds, 600 by default).
"""

import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from queue import Empty

import numpy as np
import sklearn
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC, LinearSVC

OURS = sys.argv[1]
# A fit of scikit-learn's that takes longer is stopped, and what it took so far is a lower bound.
PATIENCE = float(os.environ.get("PATIENCE", "600"))
CLASSES = np.array([0.10, 0.06, 0.09, 0.15, 0.12, 0.16, 0.14, 0.18])


def features(n, d):
    rng = np.random.default_rng(2016)
    labels = rng.choice(8, size=n, p=CLASSES)
    factors = min(200, d)
    means = 0.35 * rng.normal(size=(8, factors))
    latent = (rng.normal(size=(n, factors)) + means[labels]) * np.arange(1, factors + 1) ** -0.7
    rows = latent @ rng.normal(size=(factors, d)) + 0.1 * rng.normal(size=(n, d))
    return rows.astype(np.float32), labels


def best(fit, seconds=2.0):
    times, start = [], time.perf_counter()
    while not times or (time.perf_counter() - start < seconds and len(times) < 50):
        began = time.perf_counter()
        fit()
        times.append(time.perf_counter() - began)
    return min(times)


def eight(make, scores, labels):
    for k in range(8):
        positive = labels == k
        weight = (~positive).sum() / positive.sum()
        make(class_weight={True: weight, False: 1.0}).fit(scores, positive)


def svc(**weights):
    return SVC(kernel="linear", C=1.0, cache_size=1000, **weights)


def linear_svc(**weights):
    return LinearSVC(loss="hinge", C=1.0, **weights)


def _timed(sender, make, scores, labels):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        seconds = best(lambda: eight(make, scores, labels))
    sender.put((seconds, not caught))


def patient(make, scores, labels):
    """Best time of the eight fits, or how long they were waited for, and whether they ended at their optimum."""
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=_timed, args=(queue, make, scores, labels))
    process.start()
    try:
        return queue.get(timeout=PATIENCE)
    except Empty:
        return PATIENCE, False
    finally:
        process.terminate()
        process.join()


def ours(kind, folder, threads, *rest):
    command = [OURS, kind, str(folder), str(threads), *rest]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def unit(seconds):
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def show(name, mine, one, theirs, done=True):
    more = "" if done else "> "
    print(f"| {name} | {unit(mine)} | {unit(one)} | {more}{unit(theirs)} | {more}{theirs / mine:.3g} |", flush=True)


def main():
    threads = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {threads} threads, scikit-learn {sklearn.__version__}, NumPy {np.__version__}\n")
    print(f"| problem | emolab, {threads} threads | emolab, 1 thread | scikit-learn | ratio |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for n, d, scalings in [(316, 20, "gr"), (240, 200, "gr"), (4000, 20, "gr"), (20000, 20, "g")]:
            rows, labels = features(n, 1280)
            raw = PCA(d, svd_solver="covariance_eigh").fit_transform(rows.astype(np.float64))
            for scaling in scalings:
                scores = raw / np.sqrt((raw**2).sum() / raw.size) if scaling == "g" else raw
                np.save(folder / "scores.npy", np.ascontiguousarray(scores))
                np.save(folder / "labels.npy", labels.astype(np.float64))
                mine, one = ours("svm", folder, threads), ours("svm", folder, 1)
                name = f"eight SVMs, {n} x {d}, {'global scale' if scaling == 'g' else 'raw units'}"
                show(f"{name}: SVC", mine, one, *patient(svc, scores, labels))
                if scaling == "g":
                    show(f"{name}: LinearSVC, which penalises the bias", mine, one, *patient(linear_svc, scores, labels))
        for n, d in [(316, 1280), (316, 4096), (4000, 1280), (4000, 4096)]:
            rows, _ = features(n, d)
            np.save(folder / "rows.npy", rows)
            wide = rows.astype(np.float64)
            mine, one = ours("pca", folder, threads), ours("pca", folder, 1)
            for solver in ["randomized", "full", "arpack", "covariance_eigh"]:
                if solver in ("full", "covariance_eigh") and n * d > 10_000_000:
                    continue
                theirs = best(lambda: PCA(20, svd_solver=solver, random_state=0).fit(wide))
                show(f"PCA, {n} x {d} -> 20: PCA(svd_solver={solver!r})", mine, one, theirs)


if __name__ == "__main__":
    main()
