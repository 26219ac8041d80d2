"""Arrays in .npy and .npz files that anybody may have written: never a pickle, and no more bytes than a file holds."""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
import psutil
from numpy.lib import format as npy

from gan_zoo.datasets.pictures import MAX_TOTAL_GIB
from gan_zoo.files import reason

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays in a file by name, that of an .npy file by the name "". Raises: ValueError, in one line."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("neither a file nor a folder")
        if not zipfile.is_zipfile(path):
            size = path.stat().st_size
            _require_bounded(size)
            with path.open("rb") as file:
                return {"": _array(file, size)}
        with zipfile.ZipFile(path) as archive:
            return _members(archive)
    except Exception as failure:  # a damaged file makes zipfile, zlib and NumPy raise whatever they like
        raise ValueError(reason(failure)) from None


def _members(archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    """All arrays of an .npz file."""
    members = archive.infolist()
    _require_bounded(sum(member.file_size for member in members))
    arrays = {}
    for member in members:
        name = member.filename.removesuffix(".npy")
        if name in arrays:
            raise ValueError(f"two arrays named {name}")
        with archive.open(member) as file:
            arrays[name] = _array(file, member.file_size)
    return arrays


def _require_bounded(size: int) -> None:
    """Raises: ValueError where arrays of so many bytes are more than the bound, or than memory holds."""
    if size > MAX_TOTAL_GIB * 2**30:
        raise ValueError(f"holds {size / 2**30:.0f} GiB, more than the {MAX_TOTAL_GIB} GiB that are read")
    if size > psutil.virtual_memory().available:
        raise ValueError(f"holds {size / 2**30:.1f} GiB, more than the memory that is free")


def _array(file: IO[bytes], size: int) -> np.ndarray:
    """The array in an open .npy file of so many bytes, which its header does not get to exceed."""
    if file.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
        raise ValueError("not an array")
    version = tuple(file.read(2))
    if version not in HEADERS:
        raise ValueError(f"version {version} of the format; save it by numpy.save")
    shape, by_column, dtype = HEADERS[version](file)
    if dtype.hasobject:
        raise ValueError("holds Python objects, which are pickles; save numbers")
    wanted, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if wanted != there:
        raise ValueError(f"shape {shape} takes {wanted} bytes, and {there} are there: truncated or damaged")
    content = file.read()
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C")
