"""Samples as one small image, for the step slider of the record's browser."""

import numpy as np


def thumbnail(samples: np.ndarray, square: tuple[float, float, float]) -> np.ndarray:
    """Samples as one image (H, W, 3) uint8: a grid of images, or points as dark dots over a `square` of the plane, by
    its middle and half of a side."""
    if samples.ndim == 2:
        return dots(samples, square)
    n, channels, height, width = samples.shape
    side = int(n**0.5)
    grid = samples[: side * side].reshape(side, side, channels, height, width).transpose(0, 3, 1, 4, 2)
    image = np.repeat(grid.reshape(side * height, side * width, channels), 3 // channels, axis=2)
    zoom = max(1, 256 // image.shape[0])
    return image.repeat(zoom, axis=0).repeat(zoom, axis=1)


def dots(points: np.ndarray, square: tuple[float, float, float], side: int = 256) -> np.ndarray:
    half = square[2]
    points = points - np.array(square[:2])
    inside = points[np.isfinite(points).all(1) & (np.abs(points) < half).all(1)]
    column, row = ((inside + half) * side / (2 * half)).astype(int).T
    image = np.full((side, side, 3), 255, np.uint8)
    image[side - 1 - row, column] = (20, 60, 140)
    return image
