#!/usr/bin/env bash
# Everything that needs an accelerator, in at most eight minutes, on a bare machine with torch; one folder of results.
#
#   benchmarks/accelerator.sh FOLDER [--dry]
#
# Correctness comes first, then the times that the page shows, then whether they can be believed, then training; each
# step has a limit of its own, and what one leaves behind does not depend on the next. --dry: a few seconds of each
# step, to try the script where no accelerator is. Other programs: PYTHON=..., DEVICE=auto.
set -u
cd "$(dirname "$0")/.."
folder=${1:?"a folder for the results"}
dry=${2:-}
python=${PYTHON:-python3}
device=${DEVICE:-auto}
mkdir -p "$folder"
export PYTHONUNBUFFERED=1 OMP_NUM_THREADS="${OMP_NUM_THREADS:-8}" XCEPTION_LAB_HOME="${XCEPTION_LAB_HOME:-$folder/home}"
begun=$SECONDS

step() { # NAME LIMIT_S COMMAND...: run it, say how long it took and how it ended, keep what it printed
    local name=$1 limit=$2 start=$SECONDS status
    shift 2
    echo "== $name: $*" | tee -a "$folder/log.txt"
    timeout "$limit" "$@" >>"$folder/log.txt" 2>&1
    status=$?
    echo "== $name: status $status, $((SECONDS - start)) s, $((SECONDS - begun)) s in all" | tee -a "$folder/log.txt"
}

left() { # seconds that are left, less the given
    local rest=$((470 - (SECONDS - begun) - ${1:-0}))
    echo $((rest > 5 ? rest : 5))
}

timing() { # NAME LIMIT_S QUESTION OPTIONS...
    local name=$1 limit=$2
    shift 2
    step "$name" "$limit" "$python" -m benchmarks.timing "$@" --device "$device" --out "$folder/$name.json"
}

if [ "$dry" = --dry ]; then
    timing correctness 60 correctness --configurations 4
    step time 100 "$python" -m xception_lab time --device "$device" --limit-s 0.1 --out "$folder/timing.json"
    timing clocks 60 clocks
    timing trust 100 agreement roofline --configurations 3 --rounds 1
    step packing 100 "$python" -m benchmarks.packing --steps 3 --most 2 --out "$folder/packing.json"
    step train 60 "$python" -m xception_lab train epochs=1 train_size=256 --json
else
    timing correctness 45 correctness --configurations 40
    step time 230 "$python" -m xception_lab time --all --device "$device" --limit-s 1 --out "$folder/timing.json"
    timing clocks 40 clocks
    timing trust 150 agreement xception repeatability roofline --configurations 40 --rounds 8 --batches 1 8 64 --pairs 1 --learn-s 3
    step packing "$(left 20)" "$python" -m benchmarks.packing --out "$folder/packing.json"
    step train "$(left)" "$python" -m xception_lab train --json
fi
grep "^==" "$folder/log.txt"
