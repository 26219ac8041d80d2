"""Writes data of one's own in the forms that suites take beside a folder of images: moons.csv and squares.npz, and
where Hugging Face's library is installed the folder squares."""

from importlib.util import find_spec

import numpy as np

random = np.random.default_rng(0)

# Points: two half-moons, a row each under the names of the columns.
angle, upper = np.pi * random.random(600), random.random(600) < 0.5
x = np.where(upper, np.cos(angle), 1 - np.cos(angle)) - 0.5
y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle)) - 0.25
points = np.column_stack([x, y]) + 0.05 * random.normal(size=(600, 2))
np.savetxt("moons.csv", points, fmt="%.6f", delimiter=",", header="x,y", comments="")

# Images: filled (0) and hollow (1) squares, uint8 (N, H, W), with their classes.
images, labels = np.zeros((1200, 8, 8), np.uint8), np.arange(1200) % 2
for image, label, (top, left) in zip(images, labels, random.integers(4, size=(1200, 2)), strict=True):
    image[top : top + 5, left : left + 5] = 255
    if label:
        image[top + 1 : top + 4, left + 1 : left + 4] = 0
np.savez_compressed("squares.npz", train=images[:1000], train_labels=labels[:1000],
                    test=images[1000:], test_labels=labels[1000:])

# The same by Hugging Face's library: python -m pip install 'gan-zoo[huggingface]'
if find_spec("datasets"):
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Image

    features = Features({"image": Image(), "label": ClassLabel(names=["filled", "hollow"])})
    train = Dataset.from_dict({"image": list(images[:1000]), "label": labels[:1000]}, features)
    test = Dataset.from_dict({"image": list(images[1000:]), "label": labels[1000:]}, features)
    DatasetDict({"train": train, "test": test}).save_to_disk("squares")
