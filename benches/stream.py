"""PCA of a file larger than memory may be: `emolab fit-pca` beside scikit-learn's IncrementalPCA: `just bench-stream`.

A million rows of 1,280 f32 (ROWS, 5.1 GB in the system's temporary folder), a decaying spectrum and noise, means far from
0. Prints time and most memory of the whole process; the time of IncrementalPCA, which goes over a file in blocks too, of the
first PEER_ROWS rows, by row; and how far singular values and directions are from those of NumPy's covariance in f64. The
benchmark fails where emolab took 2 GiB or more, or a singular value is further off than 1e-8 of itself.
"""

import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import sklearn
from safetensors.numpy import load_file
from sklearn.decomposition import IncrementalPCA

EMOLAB = os.path.abspath(sys.argv[1])
ROWS = int(os.environ.get("ROWS", "1000000"))
PEER_ROWS = min(ROWS, int(os.environ.get("PEER_ROWS", "50000")))
WIDTH, FACTORS, COMPONENTS, BLOCK = 1280, 200, 20, 5000
GIB = 1 << 30


def write(path):
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(FACTORS, WIDTH)).astype(np.float32)
    mean = (5 * rng.normal(size=WIDTH)).astype(np.float32)
    size = (np.arange(1, FACTORS + 1) ** -0.7).astype(np.float32)
    file = np.lib.format.open_memmap(path, mode="w+", dtype="<f4", shape=(ROWS, WIDTH))
    for first in range(0, ROWS, BLOCK):
        count = min(BLOCK, ROWS - first)
        latent = rng.standard_normal((count, FACTORS), dtype=np.float32) * size
        noise = rng.standard_normal((count, WIDTH), dtype=np.float32)
        file[first : first + count] = latent @ mixing + np.float32(0.1) * noise + mean
    file.flush()


def blocks(file, rows):
    for first in range(0, rows, BLOCK):
        yield file[first : min(first + BLOCK, rows)]


def reference(file):
    """Singular values and directions from the covariance, centred exactly, in f64."""
    mean = sum(block.sum(axis=0, dtype=np.float64) for block in blocks(file, ROWS)) / ROWS
    products = np.zeros((WIDTH, WIDTH))
    for block in blocks(file, ROWS):
        centred = block - mean
        products += centred.T @ centred
    values, vectors = np.linalg.eigh(products)
    return np.sqrt(values[::-1][:COMPONENTS]), vectors[:, ::-1][:, :COMPONENTS]


def emolab(path, model):
    start = time.perf_counter()
    process = subprocess.Popen([EMOLAB, "fit-pca", path, "--components", str(COMPONENTS), "--output", model])
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit("emolab fit-pca failed")
    return time.perf_counter() - start, usage.ru_maxrss * 1024


def incremental(file):
    start = time.perf_counter()
    pca = IncrementalPCA(COMPONENTS)
    for block in blocks(file, PEER_ROWS):
        pca.partial_fit(block)
    return time.perf_counter() - start


def main():
    with tempfile.TemporaryDirectory(prefix="emolab-stream-") as folder:
        path, model = Path(folder, "features.npy"), Path(folder, "model.safetensors")
        # In a process of its own: what a process has held at most is handed on to those that it starts.
        writer = multiprocessing.get_context("spawn").Process(target=write, args=(path,))
        writer.start()
        writer.join()
        seconds, memory = emolab(path, model)
        file = np.load(path, mmap_mode="r")
        peer = incremental(file)
        values, vectors = reference(file)
        found = load_file(model)
    error = np.abs(found["singular_values"] / values - 1).max()
    angle = np.linalg.norm(found["components"] - found["components"] @ vectors @ vectors.T, 2)
    ratio = (peer / PEER_ROWS) / (seconds / ROWS)
    print(f"{ROWS:,} x {WIDTH:,} f32, {COMPONENTS} components, {os.cpu_count()} cores")
    print(f"emolab fit-pca     {seconds:8.1f} s  {1e6 * seconds / ROWS:8.1f} us a row  {memory / 1e6:8.0f} MB at most")
    print(f"IncrementalPCA     {peer:8.1f} s  {1e6 * peer / PEER_ROWS:8.1f} us a row, of the first {PEER_ROWS:,}")
    print(f"ratio by row       {ratio:8.1f}")
    print(f"largest relative error of a singular value {error:.1e}, sine of the subspaces' angle {angle:.1e}")
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scikit-learn": sklearn.__version__}
    print(json.dumps(versions))
    if memory >= 2 * GIB or not error <= 1e-8:
        sys.exit("too much memory, or not the singular values")


if __name__ == "__main__":
    main()
