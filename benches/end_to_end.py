"""From JPEG files to features: emolab against a PyTorch pipeline, in the same run. `just bench-networks` runs this.

The files are crops of the two photographs that ship with scikit-learn, 640 x 480, quality 90. PyTorch's pipeline is what its
users write: a DataLoader with two workers, Pillow, torchvision's transforms, batches of 16, channels-last. emolab's time is its
extract-features stage's, the worker's start included; PyTorch's begins after its imports and after the network is loaded.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision import transforms

EMOLAB, WEIGHTS = (str(Path(argument).resolve()) for argument in sys.argv[1:3])
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 1600
THREADS = len(os.sched_getaffinity(0))

EXPERIMENT = """
[experiment]
name = "end_to_end"
[dataset]
name = "photographs"
manifest = "manifest.csv"
[split]
kind = "holdout"
[[method]]
variant = "imagenet-cnn"
network = "efficientnet-lite0"
weights = "{weights}"
precision = "{precision}"
[compute]
device = "cpu"
"""


def make(folder):
    """JPEG files, no two alike, and their manifest."""
    random = np.random.default_rng(1)
    photographs = [Image.fromarray(image) for image in load_sample_images().images]
    rows = ["path,label"]
    for number in range(COUNT):
        photograph = photographs[number % 2]
        width = int(random.integers(300, 560))
        height = width * 3 // 4
        left, top = int(random.integers(0, 640 - width)), int(random.integers(0, 427 - min(height, 426)))
        crop = photograph.crop((left, top, left + width, top + height)).resize((640, 480), Image.BICUBIC)
        crop.save(folder / f"{number}.jpg", quality=90)
        rows.append(f"{number}.jpg,{['awe', 'contentment'][number % 2]}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


class Files(torch.utils.data.Dataset):
    def __init__(self, folder):
        self.folder = folder
        self.prepare = transforms.Compose(
            [transforms.Resize(256, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224), transforms.PILToTensor()]
        )

    def __len__(self):
        return COUNT

    def __getitem__(self, number):
        return (self.prepare(Image.open(self.folder / f"{number}.jpg").convert("RGB")).float() - 127) / 128


def pytorch(folder):
    torch.set_num_threads(THREADS)
    net = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(torch.load(WEIGHTS))
    net = net.eval().to(memory_format=torch.channels_last)
    rows, start = [], time.perf_counter()
    loader = torch.utils.data.DataLoader(Files(folder), batch_size=16, num_workers=2)
    with torch.inference_mode():
        for batch in loader:
            rows.append(net.extract_features(batch.contiguous(memory_format=torch.channels_last)).mean((2, 3)))
    return COUNT / (time.perf_counter() - start), torch.cat(rows).numpy()


def emolab(folder, precision):
    """Images per second, and the share of the cores that the whole command kept busy."""
    experiment = folder / "end_to_end.toml"
    experiment.write_text(EXPERIMENT.format(weights=WEIGHTS, precision=precision))
    # Apart from any project, so that nothing is there already.
    (folder / ".emolab").mkdir(exist_ok=True)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryDirectory() as store:
        subprocess.run([EMOLAB, "run", experiment, "--store", store, "--quiet"], check=True, cwd=folder)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / (wall * THREADS)
    stages = json.loads((folder / "results/end_to_end/run.json").read_text())["stages"]
    seconds = next(stage["seconds"] for stage in stages if stage["stage"] == "extract-features")
    return COUNT / seconds, busy


def main():
    print(f"{COUNT} JPEG files of 640 x 480, {THREADS} threads, PyTorch {torch.__version__}; images per second\n")
    print("| decode, resize, forward | emolab | PyTorch, 2 loader workers | ratio | cores busy |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        theirs, _ = pytorch(folder)
        for precision in ["f32", "bf16"]:
            ours, busy = emolab(folder, precision)
            print(f"| EfficientNet-Lite0 {precision} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} | {busy:.0%} |", flush=True)


if __name__ == "__main__":
    main()
