"""The environment that MKL, ATen, OpenBLAS and NumPy must find at their import; this module imports none of them.

`import gan_zoo` settles it for the numerics that $GAN_ZOO_NUMERICS names, so worker processes inherit what the command
line chose.
"""

import os
import platform
from functools import cache
from pathlib import Path

CHOICE = "GAN_ZOO_NUMERICS"
ONEDNN = "ONEDNN_MAX_CPU_ISA"

SETTINGS = {
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "avx2",
    ONEDNN: "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_NUM_THREADS": "1",
    # The names before and after NumPy 2.4; what a processor does not have is ignored.
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4",
}


def settle(numerics: str | None = None) -> None:
    """Set what `numerics` need, or take it back for `fast`; without a name those of $GAN_ZOO_NUMERICS, or reference.

    Only what is not imported yet sees it.
    """
    chosen = numerics or os.environ.get(CHOICE, "reference")
    os.environ[CHOICE] = chosen
    if chosen == "fast":
        for name, value in SETTINGS.items():
            if os.environ.get(name) == value:
                del os.environ[name]
    elif processor_fault() is None:
        os.environ.update(SETTINGS)


def free_onednn() -> None:
    """Let oneDNN use all that this processor has, in a process that convolves nothing and has not used it yet.

    The products that it is asked for (`products`) have the same bits by any instructions, and take up to half as long;
    convolutions have not (`process.check_convolutions`).
    """
    os.environ.pop(ONEDNN, None)


@cache
def processor_fault() -> str | None:
    """Why this machine cannot have portable bits, or None."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return f"they are for x86-64 under Linux, this is {platform.machine()} under {platform.system()}"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("flags")[2].partition("\n")[0].split()
    except OSError:
        return "/proc/cpuinfo cannot be read"
    missing = {"avx2", "fma"} - set(flags)
    return f"this processor has no {' and no '.join(sorted(missing))}" if missing else None
