#!/bin/sh
# Measures one GPU in at most ten minutes. Each step has a time limit of its own: what one loses, the others keep.
#
#   [WHEELS=FOLDER] [IMAGES=cifar10-jpeg.tar.xz] sh benchmarks/speed/gpu.sh [DIR]        (DIR: results/gpu)
#
#   tests        python3 -m pytest -m gpu                            needs pytest
#   table        gpu.json, gpu.md: engines, stacks, precisions       needs torch, NumPy, pydantic, no more
#   quickstart   the whole suite; quickstart.tar.gz: report, export  needs all that the package does but torch-fidelity
#   images       six losses on IMAGES, three seeds stacked, 20,000 steps or as many as fit; images.tar.gz
#
# DIR gets those files, log.txt with all that was said, busy.csv with how busy the card was, and summary.md.
#
# IMAGES is an archive, or a folder, with train/CLASS/*.jpg and test/CLASS/*.jpg. A machine without a network gets what
# its python3 lacks as WHEELS, a folder that is made where there is one, for the Python of the other machine:
#   pip download --dest wheels --no-deps --only-binary :all: --python-version 3.12 --platform manylinux_2_28_x86_64 \
#       --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -c requirements.lock \
#       -r benchmarks/speed/gpu-wheels.txt
#
# PYTHON names another python3. PRETEND=1 goes through all of it on a CPU with tiny sizes, and measures nothing.
cd "$(dirname "$0")/../.." || exit 1
out=${1:-results/gpu} python=${PYTHON:-python3}
mkdir -p "$out" && out=$(cd "$out" && pwd) && work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
: >"$out/log.txt"
printf '# One GPU\n\n| step | ended | seconds |\n| :--- | :--- | ---: |\n' >"$out/summary.md"
export PYTHONUNBUFFERED=1 MLFLOW_DISABLE_TELEMETRY=true

if [ -n "$PRETEND" ]; then
    device=cpu pretend=--pretend patience=5 chosen="mlp and hinge or beside"
    export GAN_ZOO_PRETEND_GPU=1
    suite="--losses wgan-gp --datasets 8gaussians --seeds 0 --set train.steps=4 --set evaluate.every=2 \
        --set evaluate.samples=100 --set evaluate.repeats=1"
else
    device=cuda pretend= patience=1 suite= chosen=
fi

# step NAME SECONDS COMMAND...: runs a command within so many seconds, and notes how it ended
step() {
    name=$1 limit=$2 began=$(date +%s)
    shift 2
    echo "== $name: $*" | tee -a "$out/log.txt"
    timeout --signal=INT --kill-after=10 $((limit * patience)) "$@" >>"$out/log.txt" 2>&1
    code=$?
    case $code in
        0) ended=well ;;
        124 | 137) ended="cut off after $((limit * patience)) s" ;;
        *) ended="exit code $code: $(tail -n 1 "$out/log.txt" | cut -c 1-200 | tr '|' ' ')" ;;
    esac
    echo "| $name | $ended | $(($(date +%s) - began)) |" | tee -a "$out/summary.md"
    return $code
}

# keep NAME FOLDER: brings what a sweep left in FOLDER home as NAME.tar.gz, without its record and weights
keep() {
    [ -d "$2" ] && tar -czf "$out/$1.tar.gz" --exclude 'mlflow.db*' --exclude artifacts --exclude runs -C "$2" .
}

if [ -n "$WHEELS" ]; then
    step wheels 60 "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
        --target "$work/site" "$WHEELS"/*.whl
    export PYTHONPATH="$work/site${PYTHONPATH:+:$PYTHONPATH}"
fi
step machine 30 "$python" -c "from gan_zoo.device import choose_devices, device_name
choose_devices('$device', 1)
print(device_name('$device'))" || exit 2

# Images are read, and their classifier trained, on the CPU beside the first steps.
if [ -n "$IMAGES" ]; then
    timeout $((400 * patience)) "$python" -m benchmarks.speed.gpu_images prepare "$IMAGES" "$work" >"$work/images.txt" 2>&1 &
    reading=$!
fi

parallel=$([ -z "$PRETEND" ] && "$python" -c "import xdist" 2>/dev/null && echo "--numprocesses 4")
step tests 120 "$python" -m pytest -v --tb=short -m gpu -k "$chosen" -p no:cacheprovider $parallel \
    tests/test_gpu.py
step table 150 "$python" -m benchmarks.speed.gpu "$out" $pretend

if [ -z "$PRETEND" ]; then
    nvidia-smi --query-gpu=timestamp,utilization.gpu,memory.used --format=csv,noheader,nounits -lms 250 \
        >"$out/busy.csv" 2>/dev/null &
    watching=$!
fi
step quickstart 110 "$python" -m benchmarks.cli run quickstart --results "$work/quickstart" --data "$work/data" \
    --device "$device" $suite
[ -n "$PRETEND" ] || kill "$watching"
keep quickstart "$work/quickstart/quickstart"

if [ -n "$IMAGES" ]; then
    step "images read" 60 sh -c "while kill -0 $reading 2>/dev/null; do sleep 1; done"
    cat "$work/images.txt" >>"$out/log.txt"
    step "images paced" 40 "$python" -m benchmarks.speed.gpu_images suite "$work" $pretend &&
        step images 160 "$python" -m benchmarks.cli run "$work/cifar10-jpeg.yaml" --results "$work/images" \
            --data "$work/data" --device "$device"
    keep images "$work/images/cifar10-jpeg"
else
    echo "| images | not run: IMAGES names no archive | |" >>"$out/summary.md"
fi

# The card is busy in a sample where a kernel ran; before the first such sample and after the last quickstart does not train.
if [ -s "$out/busy.csv" ]; then
    awk -F', ' '{ busy[NR] = $2 } $2 > 0 { last = NR; if (!first) first = NR }
        END { if (!first) exit
              for (i = first; i <= last; i++) sum += busy[i]
              printf "\nquickstart: at most 90 s are aimed at; from its first to its last kernel the card was busy for " \
                  "%d %% of the time, of at least 80 %%.\n", sum / (last - first + 1) }' "$out/busy.csv" >>"$out/summary.md"
fi
cat "$out/summary.md"
