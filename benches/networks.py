"""Our networks against PyTorch's and ONNX Runtime's in the same run: `just bench-networks`.

Prints a Markdown table of images per second and their ratios. Features are of the same network and batch of 16, without
decoding; a training step is forward, backward and AdamW on 32 images that are in memory.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet

OURS, WEIGHTS = sys.argv[1:3]
THREADS = len(os.sched_getaffinity(0))
BATCH = 16


def ours(*arguments):
    done = subprocess.run([OURS, *map(str, arguments)], check=True, capture_output=True, text=True)
    return float(done.stdout)


def speed(run, images, seconds=8.0, window=192):
    """The best of windows that are as long as those of benches/networks.rs."""
    run()
    best, start, repeats = 0.0, time.perf_counter(), max(1, window // images)
    while time.perf_counter() - start < seconds:
        began = time.perf_counter()
        for _ in range(repeats):
            run()
        best = max(best, repeats * images / (time.perf_counter() - began))
    return best


def best(*measures, rounds=3):
    """The best of a few rounds, in which all take turns: other work on the machine comes and goes."""
    results = [[measure() for measure in measures] for _ in range(rounds)]
    return [max(column) for column in zip(*results)]


def forward(net, channels_last, precision=torch.float32):
    x = torch.rand(BATCH, 3, 224, 224)
    if channels_last:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)

    def run():
        with torch.inference_mode(), torch.autocast("cpu", precision, enabled=precision != torch.float32):
            net(x)

    return speed(run, BATCH)


def onnx(net):
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "net.onnx")
        torch.onnx.export(net, (torch.rand(BATCH, 3, 224, 224),), path, dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        session = onnxruntime.InferenceSession(path, options)
        x = np.random.rand(BATCH, 3, 224, 224).astype(np.float32)
        name = session.get_inputs()[0].name
        return speed(lambda: session.run(None, {name: x}), BATCH)


def step(net, channels_last):
    net = net.train()
    x, y = torch.rand(32, 3, 224, 224), torch.arange(32) % 8
    if channels_last:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)

    def run():
        loss = torch.nn.functional.cross_entropy(net(x), y, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return speed(run, 32, 20.0, 32)


def lite(classes=1000):
    net = EfficientNet.from_name("efficientnet-lite0")
    if classes != 1000:
        net._fc = torch.nn.Linear(net._fc.in_features, classes)
    return net.eval()


def alexnet_weights(folder):
    path = Path(folder) / "alexnet.pth"
    torch.save(torchvision.models.alexnet().state_dict(), path)
    return path


def show(name, mine, theirs):
    print(f"| {name} | {mine:.1f} | {theirs:.1f} | {mine / theirs:.2f} |", flush=True)


def main():
    torch.set_num_threads(THREADS)
    print(f"{THREADS} threads, PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}; images per second\n")
    print("| what | emolab | peer | ratio |")
    print("|---|---|---|---|")
    features = ["features", "efficientnet-lite0", WEIGHTS, THREADS]
    f32, bf16, runtime, pytorch = best(
        lambda: ours(*features, "f32"),
        lambda: ours(*features, "bf16"),
        lambda: onnx(lite()),
        lambda: forward(lite(), True),
    )
    show("EfficientNet-Lite0 f32: ONNX Runtime", f32, runtime)
    show("EfficientNet-Lite0 f32: PyTorch, channels-last", f32, pytorch)
    show("EfficientNet-Lite0 bf16: ONNX Runtime f32", bf16, runtime)
    with tempfile.TemporaryDirectory() as folder:
        weights = alexnet_weights(folder)
        mine, theirs = best(
            lambda: ours("features", "alexnet", weights, THREADS, "f32"),
            lambda: forward(torchvision.models.alexnet().eval(), False),
        )
        show("AlexNet f32: PyTorch", mine, theirs)
        mine = ours("train", "alexnet", weights, THREADS, 8)
        show("AlexNet, a training step: PyTorch", mine, step(torchvision.models.alexnet(num_classes=8), False))
    mine = ours("train", "efficientnet-lite0", WEIGHTS, THREADS, 8)
    show("EfficientNet-Lite0, a training step: PyTorch", mine, step(lite(8), False))
    show("EfficientNet-Lite0, a training step: PyTorch, channels-last", mine, step(lite(8), True))


if __name__ == "__main__":
    main()
