"""How fast tinygan is beside PyTorch, DeZero and autograd on nine workloads, and beside its own matrix products.

    python benchmarks/speed.py                  all of it, 20 minutes: writes results/speed.json and results/speed.md
    python benchmarks/speed.py --quick          W1, W2 and W3a on one thread, under two minutes
    python benchmarks/speed.py --only W1,W3a --threads 1

Every side has a process of its own, so that its threads, BLAS and malloc are its own. All begin with the same weights
and must compute the same losses for two training steps; then they take turns, a short batch of steps each, until the
time is up. What is compared is the median batch. If others used the machine meanwhile, it is the least processor time
on one thread; on two the least batch, and no result: `clock` says which.

Libraries that are not installed are left out. OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE, where set, hold NumPy's BLAS back
and leave PyTorch's alone: everything is measured without them ("native"), then once more with them ("pinned"). Where
neither is set, pinned is OPENBLAS_CORETYPE=Haswell, the kernels that a processor without AVX-512 gets.
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from workloads import QUICK, WORKLOADS

HERE = Path(__file__).parent
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
USUAL_PIN = {"OPENBLAS_CORETYPE": "Haswell"}
PEERS = ("dezero", "autograd")  # one thread, native BLAS only
TOLERANCE = 1e-4
PEER_TOLERANCE = 1e-3  # DeZero's batch norm adds 2e-5 to the variance, not 1e-5, and its Adam corrects eps differently
FOREIGN = 0.06  # a batch is quiet if others worked for less than this share of it
QUIET_BATCHES = 3


class Side:
    """One library on one workload, in a process of its own; root: the repository that has tinygan and the workload."""

    def __init__(self, side, name, device, threads, blas, root=HERE.parent):
        self.side, self.batches, self.steps = side, [], 1
        self.process = subprocess.Popen(
            [sys.executable, str(Path(root) / "benchmarks" / "worker.py"), side, name, device, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(side, threads, blas, root), text=True,
        )  # fmt: skip
        self.ready = self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.side} stopped without an answer, see above")
        return json.loads(line)

    def ask(self, do, **request):
        """The worker's answer to a request."""
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def take_turn(self):
        """Time a batch of steps."""
        self.batches.append(self.ask("time", steps=self.steps))


def environment(side, threads, blas, root=HERE.parent):
    """The environment of a side's process: how many threads, which BLAS kernels, how malloc behaves."""
    env = {k: v for k, v in os.environ.items() if k not in PINS}
    if blas == "pinned":
        env |= {k: os.environ[k] for k in PINS if k in os.environ} or USUAL_PIN
    env["PYTHONPATH"] = os.pathsep.join([str(root), env.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    # tinygan splits large batches over threads of its own while BLAS keeps to one; "tinygan-blas" leaves it to BLAS,
    # "tinygan-processes" has two processes of a thread each
    env["TINYGAN_THREADS"] = str(threads) if side == "tinygan" else "1"
    blas_threads = "1" if side in ("tinygan", "tinygan-processes") else str(threads)
    env |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), blas_threads)
    if side == "torch-best":  # what tinygan.threads.prime_malloc() does to glibc, said to it directly
        env |= {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}
    return env


# --- one comparison --------------------------------------------------------------------------------------------


def compare(name, device, threads, blas, seconds):
    """Measure all sides on a workload: a dict with their figures and tinygan's ratios to them."""
    wanted = ["tinygan", "torch", "torch-best", "products"]
    if device == "cpu":
        if threads > 1:
            wanted += ["tinygan-processes", "tinygan-blas"]
        else:
            wanted += ["tinygan-readme", *(PEERS if blas == "native" else [])]
    else:
        wanted += ["torch-tf32"]
    started = []
    try:
        for side in wanted:
            started.append(Side(side, name, device, threads, blas))
        sides = [s for s in started if s.ready["ready"]]
        absent = {s.side: s.ready["why"] for s in started if not s.ready["ready"]}
        if "tinygan" in absent:
            raise SystemExit(f"tinygan cannot run {name} on {device}: {absent['tinygan']}")
        about = check_equal(name, sides)
        for s in sides:
            s.ask("start")
        measure(sides, threads, seconds)
        clock = chosen_clock(sides, threads, device)
        figures = {s.side: figure(s, clock) | {"version": s.ready["version"]} | memory(s) for s in sides}
    finally:
        for s in started:
            s.process.kill()
            s.process.communicate()
    ms = {side: f["ms"] for side, f in figures.items()}
    quotient = lambda a, b: round(ms[a] / ms[b], 3) if a in ms and b in ms else None
    return {
        "workload": name, "threads": threads, "blas": blas, "clock": clock, "device": device, **about,
        "target": (WORKLOADS[name].target if threads == 1 else 1.0) if blas == "native" and device == "cpu" else None,
        "ratios": {side: quotient("tinygan", side) for side in ms if side not in ("tinygan", "tinygan-readme", "products")},
        "processes_ratio": quotient("tinygan-processes", "torch-best"),
        "readme_ratio": quotient("tinygan-readme", "tinygan"), "readme_to_torch": quotient("tinygan-readme", "torch-best"),
        "least_ratio": quotient("products", "torch-best"), "product_share": quotient("products", "tinygan"),
        "gflop": round(WORKLOADS[name].flops() / 1e9, 3), "sides": figures, "absent": absent,
    }  # fmt: skip


def memory(s):
    """A side's peak memory: altogether, how much of that since its library was imported, on the GPU."""
    m = s.ask("end")
    figures = {"rss_mb": round(m["peak"]), "delta_mb": round(m["grown"])}
    return figures | ({"device_mb": round(m["device"])} if m["device"] else {})


def check_equal(name, sides):
    """Raise SystemExit unless all sides compute the same losses for two steps from the same weights and noise."""
    with tempfile.TemporaryDirectory() as folder:
        weights = str(Path(folder) / "weights.npz")
        about = sides[0].ask("save", weights=weights)
        ours = sides[0].ask("compare", weights=weights)["losses"]
        for s in sides[1:]:
            if s.side in ("products", "tinygan-processes", "torch-tf32"):  # half a batch, later; products to three digits
                continue
            losses = s.ask("compare", weights=weights)["losses"]
            allowed = PEER_TOLERANCE if s.side in PEERS else TOLERANCE
            if not all(abs(a - b) <= allowed * max(1.0, abs(b)) for a, b in zip(ours, losses, strict=True)):
                raise SystemExit(
                    f"{name}: tinygan's losses {ours}, {s.side}'s {losses}, from the same weights and noise"
                )
    return about


def measure(sides, threads, seconds):
    """Let the sides take turns for so many seconds, at least five turns."""
    batch = min(0.1, seconds / 40)
    for s in sides:
        s.take_turn()
        took = s.ask("time", steps=1)["wall"]
        s.steps, s.batches = max(1, min(100_000, round(batch / max(took, 1e-7)))), []
    end, turn = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or turn < 5:
        for s in sides:
            if s.side in PEERS and turn % 4:
                continue  # they are the slowest, and what is asked of them is only roughly how many times
            if threads > 1:
                time.sleep(0.05)  # the idle threads of the side before still spin
            s.take_turn()
        turn += 1


def chosen_clock(sides, threads, device):
    """ "wall" if every side had enough quiet batches, or a GPU does the work; otherwise "cpu" on one thread, "least wall"."""
    quiet = lambda side: sum(batch["foreign"] < FOREIGN for batch in side.batches) >= QUIET_BATCHES
    if device == "cuda" or all(quiet(s) for s in sides if s.side not in PEERS):
        return "wall"
    return "cpu" if threads == 1 else "least wall"


def figure(s, clock):
    """A side's milliseconds a step by the clock, and how many batches they come from."""
    if clock == "wall":
        quiet = [b["wall"] for b in s.batches if b["foreign"] < FOREIGN] or [b["wall"] for b in s.batches]
        value = statistics.median(quiet)
    else:
        quiet = s.batches
        value = min(b["cpu" if clock == "cpu" else "wall"] for b in s.batches)
    return {
        "ms": round(value * 1e3, 4),
        "ms_least": round(min(b["wall"] for b in s.batches) * 1e3, 4),
        "batches": len(quiet),
    }


# --- the report ------------------------------------------------------------------------------------------------


def machine():
    """What the figures were measured on and with."""
    try:
        lines = [line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line]
        about = {key.strip(): value.strip() for key, value in lines}
        processor = f"{about['model name']} (family {about['cpu family']}, model {about['model']})"
    except (OSError, KeyError):
        processor = platform.processor() or platform.machine()
    return {
        "processor": processor, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(), "date": date.today().isoformat(),
        "command": shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "commit": commit(),
    }  # fmt: skip


def commit():
    """The commit that was measured, marked if files of the library were changed since; None outside git."""
    try:
        git = ["git", "-C", str(HERE.parent)]
        name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
        changed = subprocess.run([*git, "status", "--porcelain", "tinygan"], capture_output=True, text=True).stdout
        return name.strip() + (" and changes" if changed.strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return None


NAMES = {
    "tinygan": "tinygan", "tinygan-readme": "as README writes it", "tinygan-processes": "two processes",
    "tinygan-blas": "BLAS's threads",
    "torch-best": "torch best", "torch-tf32": "torch best, TF32", "torch": "torch", "dezero": "DeZero",
    "autograd": "autograd",
}  # fmt: skip


def table(results):
    """Results of one setting as a Markdown table, ratios first."""
    sides = [side for side in NAMES if any(side in r["sides"] for r in results)]
    others = [side for side in sides if side not in ("tinygan", "tinygan-readme")]
    shared, readme = (any(r.get(f"{kind}_ratio") for r in results) for kind in ("processes", "readme"))
    heads = ["workload", "ratio to " + " | ".join(NAMES[side] for side in others)]
    heads += ["as README writes it to tinygan | to torch best"] * readme
    heads += ["two processes to torch best"] * shared + ["target", "least possible"]
    heads += ["ms: " + " | ".join(NAMES[side] for side in sides), "products' share"]
    heads += ["MB grown: " + " | ".join(NAMES[side] for side in sides), "clock"]
    rows = []
    for r in results:
        cells = [r["workload"], *(shown(r["ratios"].get(side), "{:.2f}") for side in others)]
        cells += [shown(r.get(key), "{:.2f}") for key in ("readme_ratio", "readme_to_torch")] * readme
        cells += [shown(r["processes_ratio"], "{:.2f}")] * shared
        cells += [shown(r["target"], "{:g}"), shown(r["least_ratio"], "{:.2f}")]
        cells += [shown(r["sides"].get(side, {}).get("ms"), "{:.3g}") for side in sides]
        cells += [shown(r["product_share"], "{:.0%}")]
        cells += [shown(r["sides"].get(side, {}).get("delta_mb"), "{}") for side in sides] + [r["clock"]]
        rows.append("| " + " | ".join(cells) + " |")
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(cells), *rows]


def shown(value, form):
    """A cell of a table."""
    return "-" if value is None else form.format(value)


def markdown(report):
    """The report as tables, one for each setting of BLAS and threads."""
    about = report["machine"]
    results = report["results"]
    versions = {side: f["version"] for r in results for side, f in r["sides"].items() if side != "products"}
    lines = [
        "# Speed",
        "",
        f"Written by `{about['command']}`; [README.md](../README.md) says how it is measured and what the columns are.",
        "",
        f"{about['date']}, {about['processor']}, {about['cores']} cores, {about['system']}. Python {about['python']},"
        f" NumPy {results[0]['numpy']}, "
        + ", ".join(f"{side} {v}" for side, v in versions.items() if side in ("tinygan", "torch", *PEERS))
        + (f". Commit {about['commit']}." if about["commit"] else "."),
    ]
    settings = dict.fromkeys((r["blas"], r["threads"], r["device"]) for r in results)
    for blas, threads, device in settings:
        rows = [r for r in results if (r["blas"], r["threads"], r["device"]) == (blas, threads, device)]
        where = f"BLAS {blas} (kernels {rows[0]['kernel']})" if device == "cpu" else device
        lines += ["", f"## {threads} thread{'s' * (threads > 1)}, {where}", ""]
        lines += table(rows)
        disturbed = [r["workload"] for r in rows if r["clock"] == "least wall"]
        if disturbed:
            lines += ["", f"{', '.join(disturbed)}: others used the machine, and on several threads that spoils a figure."]
    absent = {side: why for r in results for side, why in r["absent"].items() if "express" not in why}
    lines += ["", *(f"Left out: {side} ({why})." for side, why in absent.items())]
    return "\n".join(lines).rstrip() + "\n"


def main(argv=None):
    """Run the comparisons that the command line asks for."""
    parser = argparse.ArgumentParser(description="tinygan's speed beside PyTorch, DeZero and autograd.")
    parser.add_argument("--quick", action="store_true", help="W1, W2, W3a on one thread, under two minutes")
    parser.add_argument("--only", help="some of " + ",".join(WORKLOADS))
    parser.add_argument("--threads", type=int, choices=(1, 2), help="only with so many threads")
    parser.add_argument("--blas", choices=("native", "pinned"), help="only with these kernels")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--seconds", type=float, help="time for the turns of a workload (20; 10 with --quick)")
    parser.add_argument("--out", help="write PATH.json and PATH.md (default: results/speed, if all is measured)")
    a = parser.parse_args(argv)
    names = a.only.split(",") if a.only else list(QUICK if a.quick else WORKLOADS)
    for name in names:
        if name not in WORKLOADS:
            parser.error(f"--only: {name} is none of {', '.join(WORKLOADS)}")
    threads = [a.threads] if a.threads else [1] if a.quick or a.device == "cuda" else [1, 2]
    kinds = [a.blas] if a.blas else ["native"] if a.quick or a.device == "cuda" else ["native", "pinned"]
    seconds = a.seconds or (10 if a.quick else 20)
    report = {"machine": machine(), "results": []}
    for blas in kinds:
        for n in threads:
            for name in names:
                r = compare(name, a.device, n, blas, seconds)
                report["results"].append(r)
                print(summary(r), flush=True)
    everything = not (a.only or a.quick or a.threads or a.blas) and a.device == "cpu"
    out = Path(a.out) if a.out else HERE / "results" / "speed" if everything else None
    print("\n" + markdown(report))
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        out.with_suffix(".md").write_text(markdown(report))


def summary(r):
    """A result in two lines, ratios first."""
    ratios = ", ".join(f"{side} {value:.2f}" for side, value in r["ratios"].items())
    if r["processes_ratio"]:
        ratios += f", two processes to torch-best {r['processes_ratio']:.2f}"
    if r["readme_ratio"]:
        ratios += f", as README writes it to tinygan {r['readme_ratio']:.2f}"
    times = ", ".join(f"{side} {f['ms']:.3g}" for side, f in r["sides"].items())
    memory = ", ".join(f"{side} {f['delta_mb']}" for side, f in r["sides"].items() if side != "products")
    return (
        f"{r['workload']}, {r['blas']} BLAS, {r['threads']} thread(s): ratio to {ratios};"
        f" target {shown(r['target'], '{:g}')}, least possible {shown(r['least_ratio'], '{:.2f}')}\n"
        f"    ms: {times}; MB grown: {memory}; clock: {r['clock']}"
    )


if __name__ == "__main__":
    main()
