"""The speed benchmark: a textbook loop, our engines and the arithmetic limit, on the same work in the same minutes.

`python -m benchmarks.speed` measures a CPU, `sh benchmarks/speed/gpu.sh` a GPU.
"""

import gan_zoo as gan_zoo  # before NumPy and torch: it sets what makes bits portable
