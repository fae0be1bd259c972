#!/usr/bin/env bash
# What tinygan does on a real GPU, in at most 8 minutes: bash benchmarks/gpu_check.sh, on a machine with one.
# Versions, the tests of the GPU's path on CuPy itself, `digits` against the CPU, speed beside PyTorch where it is installed.
# Every part has its own time limit; none stops the others. $OUT (gpu_check/) gets the output of each, and summary.txt,
# which is printed at the end. The exit code is the number of parts that failed.
set -o pipefail
cd "$(dirname "$0")/.." || exit 1
OUT=${OUT:-gpu_check} PY=${PY:-python3} BUDGET=${BUDGET:-470}
mkdir -p "$OUT"; : > "$OUT/summary.txt"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 MPLBACKEND=Agg TINYGAN_PROGRESS=0
export CUPY_CACHE_DIR="${CUPY_CACHE_DIR:-$OUT/kernels}" OPENBLAS_NUM_THREADS=4 OMP_NUM_THREADS=4
begun=$(date +%s) failed=0

part() { # part NAME SECONDS command ...: run it, cut short so that the whole stays within BUDGET
    local name=$1 limit=$2 left=$((BUDGET - $(date +%s) + begun)) at rc; shift 2
    if [ "$left" -lt 8 ]; then echo "$name: skipped, no time left" | tee -a "$OUT/summary.txt"; return; fi
    [ "$left" -lt "$limit" ] && limit=$left
    at=$(date +%s)
    echo "=== $name (at $((at - begun)) s, at most $limit s)"
    timeout -k 5 "$limit" "$@" 2>&1 | tee "$OUT/$name.log" | tail -n 15 | cut -c1-400
    rc=${PIPESTATUS[0]}
    [ "$rc" = 0 ] || failed=$((failed + 1))
    { echo "$name: $([ "$rc" = 0 ] && echo passed || echo "FAILED ($rc)") in $(($(date +%s) - at)) s"
      grep -aE '(passed|failed|error).* in |^(FAILED|ERROR) |^us: |^digits|^W[0-9]|^    ms' "$OUT/$name.log" | head -n 20 | cut -c1-300 | sed 's/^/    /'
    } >> "$OUT/summary.txt"
}

part versions 60 "$PY" - <<'P'
"""Versions, and what the host pays for a launch, a view, a product and a wait, in microseconds."""
import importlib, time
for name in "numpy cupy torch pytest xdist safetensors matplotlib tinygan".split():
    try: print(name, getattr(importlib.import_module(name), "__version__", "?"))
    except Exception as error: print(name, "is missing:", repr(error)[:120])
import cupy, numpy
print(cupy.cuda.runtime.getDeviceProperties(0)["name"].decode(), "runtime", cupy.cuda.runtime.runtimeGetVersion())
stream = cupy.cuda.get_current_stream()
def us(call, times=2000):
    call(); stream.synchronize(); begun = time.perf_counter()
    for _ in range(times): call()
    stream.synchronize()
    return round((time.perf_counter() - begun) / times * 1e6, 2)
y, host = cupy.ones(1024, "f"), numpy.ones(1024, "f")
a, b, c = cupy.ones((512, 130), "f"), cupy.ones((130, 64), "f"), cupy.empty((512, 64), "f")
kernel = cupy.ElementwiseKernel("T k", "T x", "x = x > 0 ? x : k * x", "rectify")
calls = {"y * .5": lambda: y * .5, "tanh(out=)": lambda: cupy.tanh(y, out=y), "a kernel": lambda: kernel(.5, y), "y[3:]": lambda: y[3:],
         "2-D product": lambda: cupy.matmul(a, b, out=c), "3-D product": lambda: cupy.matmul(a[None], b, out=c[None]),
         "sum": lambda: y.sum(), "item": lambda: y[0].item(), "to the GPU": lambda: cupy.asarray(host)}
print("us:", ", ".join(f"{name} {us(call)}" for name, call in calls.items()))
P

XDIST=$("$PY" -c 'import xdist; print("-n 8")' 2>/dev/null)
TEST="env TINYGAN_TEST_DEVICE=cuda $PY -m pytest $XDIST -q -o filterwarnings=default --tb=short -rf"
part ops 150 $TEST tests/test_stand_in.py tests/ops -k "gpu or stand_in or channels_last_out"
part layers 90 $TEST tests/nn/test_nn.py tests/optim tests/gan tests/networks -k gpu
part recipes 90 $TEST tests/recipes/test_on_a_gpu.py

part digits 60 "$PY" - <<'P'
"""The first losses of `digits` beside the CPU's, and how long a step takes."""
import sys, time
import numpy as np
from tinygan.recipes import load
def play(device, steps):
    game, rows = load("digits").make_game(load("digits").Settings(), device), []
    for k in range(steps):
        if k == steps // 2: begun = time.perf_counter()
        row = game.step(k); rows.append((row["d_loss"], row["g_loss"]))
    return np.array(rows), (time.perf_counter() - begun) / (steps - steps // 2) * 1e3
(gpu, gpu_ms), (cpu, cpu_ms) = play("cuda", 300), play("cpu", 40)
apart = np.abs(gpu[:20] - cpu[:20]).max(1)
print(f"digits: {gpu_ms:.2f} ms a step, on the CPU {cpu_ms:.2f}; losses are apart by {apart[0]:.0e} at first, {apart.max():.0e} in 20 steps")
sys.exit(not (apart[0] < 1e-5 and apart.max() < 1e-3 and np.isfinite(gpu).all()))
P

for workload in W1 W2 W3a W3b; do
    part "speed-$workload" 60 "$PY" benchmarks/speed.py --device cuda --only "$workload" --seconds 5 --out "$OUT/speed-$workload"
done
echo; echo "=== summary, $(($(date +%s) - begun)) s"; cat "$OUT/summary.txt"
exit "$failed"
