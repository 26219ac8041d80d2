#!/bin/sh
# Measures one GPU in at most ten minutes: sh benchmarks/speed/gpu.sh [DIR]. Needs Python >= 3.11 with torch, NumPy and
# pydantic, no more. A machine without a network gets pydantic as wheels: where there is one, run
#   pip download pydantic --dest wheels --only-binary :all: --python-version 3.12 --platform manylinux_2_17_x86_64
# with the Python of the other machine; carry the folder there, and
#   python3 -m pip install --no-index --find-links wheels pydantic
cd "$(dirname "$0")/../.." || exit 1
for name in torch numpy pydantic; do
    python3 -c "import $name" 2>/dev/null && continue
    echo "gpu.sh: $name is not installed for python3: the head of this script says how to bring it" >&2
    exit 2
done
exec python3 -m benchmarks.speed.gpu "${1:-results/speed}"
