#!/bin/sh
# Measures one GPU in at most ten minutes: sh benchmarks/speed/gpu.sh [DIR]. Needs Python >= 3.11 with torch, no more:
# where pydantic is missing, stand-ins for the few names that the code imports from it take its place.
cd "$(dirname "$0")/../.." || exit 1
python3 -c "import pydantic" 2>/dev/null || export PYTHONPATH="benchmarks/speed/standins${PYTHONPATH:+:$PYTHONPATH}"
exec python3 -m benchmarks.speed.gpu "${1:-results/speed}"
