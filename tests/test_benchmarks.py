"""The benchmarks run, and their own checks can fail. Speeds are not tested here: see benchmarks/."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def on_path(monkeypatch):
    """The modules of benchmarks/ can be imported, as when they are run as scripts."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_speed_writes_its_tables(tmp_path):
    command = [sys.executable, str(BENCHMARKS / "speed.py"), "--only", "W1", "--threads", "1"]
    command += ["--blas", "pinned", "--seconds", "0.1"]
    run = subprocess.run([*command, "--out", str(tmp_path / "s")], capture_output=True, text=True, env=os.environ)
    assert run.returncode == 0, run.stderr
    (result,) = json.loads((tmp_path / "s.json").read_text())["results"]
    assert result["sides"]["tinygan"]["ms"] > 0
    assert result["product_share"] > 0 and result["blas"] == "pinned"
    assert 0.2 < result["readme_ratio"] < 5  # a plain loop takes part, and computes the same losses
    table = (tmp_path / "s.md").read_text()
    assert "| W1 |" in table and "as README writes it to tinygan" in table


@pytest.mark.parametrize("name", ["W1", "W3a", "W4a", "W5a"])
def test_a_loop_as_readme_writes_it_computes_what_the_tuned_one_does(on_path, name):
    import with_tinygan as ours

    losses, weights = [], None
    for readme in (False, True):
        step, networks, _ = ours.build(name, "cpu", readme=readme)
        weights = weights or ours.state(networks)
        ours.load(networks, weights)
        losses.append([loss.item() for _ in range(3) for loss in step()])
    assert losses[0] == losses[1] and len(losses[0]) >= 3


def test_losses_that_differ_are_refused(on_path):
    import speed

    class Liar:
        def __init__(self, side, losses):
            self.side, self.losses = side, losses

        def ask(self, do, **request):
            return {"losses": self.losses}

    speed.check_equal("W1", [Liar("tinygan", [1.0, 2.0]), Liar("torch", [1.0, 2.00001])])
    with pytest.raises(SystemExit, match="torch's"):
        speed.check_equal("W1", [Liar("tinygan", [1.0, 2.0]), Liar("torch", [1.0, 2.001])])
    with pytest.raises(SystemExit, match="torch's"):
        speed.check_equal("W1", [Liar("tinygan", [1.0, 2.0]), Liar("torch", [1.0, float("nan")])])


@pytest.mark.parametrize(
    ("name", "mflop"),
    [
        # forward G 18.0, D 17.0; back to weights the same, to the inputs of all layers but the first 16.9, 16.8
        ("W1", 18.0 + 2 * (17.0 + 17.0 + 16.8) + 17.0 + 17.0 + 18.0 + 16.9),
        # forward 822 + 25.7 + 0.8 (two convolutions, the verdict): 8 of these, and twice without the first convolution
        ("W5b", 8 * 848.5 + 2 * 822.8),
    ],
)
def test_products_are_counted(on_path, name, mflop):
    from workloads import WORKLOADS

    assert WORKLOADS[name].flops() / 1e6 == pytest.approx(mflop, rel=0.005)


@pytest.mark.parametrize(
    ("set_by_user", "native", "pinned"),
    [({}, {}, {"OPENBLAS_CORETYPE": "Haswell"}), ({"OPENBLAS_L2_SIZE": "512"}, {}, {"OPENBLAS_L2_SIZE": "512"})],
)
def test_blas_is_pinned_by_the_benchmark_unless_it_is_already(on_path, monkeypatch, set_by_user, native, pinned):
    import speed

    for name in speed.PINS:
        monkeypatch.delenv(name, raising=False)
    for name, value in set_by_user.items():
        monkeypatch.setenv(name, value)
    pins = lambda blas: {k: v for k, v in speed.environment("tinygan", 1, blas).items() if k in speed.PINS}
    assert pins("native") == native and pins("pinned") == pinned


# --- scaling -----------------------------------------------------------------------------------------------------


def test_exponents_are_those_of_the_upper_half(on_path):
    import scaling

    n = np.array([1, 2, 4, 8, 16, 32, 64])
    assert scaling.exponent(n, 3.0 * n**1.5) == pytest.approx(1.5)
    assert scaling.exponent(n, np.maximum(8, n) ** 2.0) == pytest.approx(2)  # what is constant at first is left out


@pytest.mark.parametrize(("power", "surprise"), [(1, False), (2, True)])
def test_work_that_grows_too_fast_is_a_surprise(on_path, power, surprise):
    import scaling

    def make(n):
        return lambda: bytes(n**power).count(1)

    sizes = [1000, 2000, 4000]
    found = scaling.measure(scaling.Curve("test", "n", sizes, make, lambda n: n, lambda n: n), 0.01)
    assert scaling.surprising(found) == surprise
    assert found["memory"]["found"] == pytest.approx(power, abs=0.1)
    assert ("surprise" in scaling.table([found])[-1]) == surprise


def test_every_curve_runs(on_path):
    import scaling

    for curve in scaling.CURVES:
        curve.make(curve.sizes[0])()
        assert curve.sizes == sorted(curve.sizes) and len(curve.sizes) >= 5


def test_a_graph_of_100_000_nodes_is_within_reach(on_path):
    import scaling

    scaling.chain(100_000)()


# --- now beside an earlier commit --------------------------------------------------------------------------------


def test_now_and_before_take_turns(on_path, monkeypatch):
    import before

    monkeypatch.setattr(before, "TURN", 0.001)
    found = before.compare("W1", BENCHMARKS.parent, 1, 0.0)
    assert found["turns"] == 10 and 0.2 < found["ratio"] < 5 and found["ms_now"] > 0 and found["ms_before"] > 0
    low, high = found["quarters"]
    assert low <= found["ratio"] <= high
    report = {"before": "abc", "machine": {**before.machine(), "commit": "def"}, "results": [found]}
    assert "| W1 | 1 |" in before.table(report)


# --- memory and whole runs ---------------------------------------------------------------------------------------


def test_what_a_step_holds_is_found_and_adds_up(on_path):
    import memory

    m = memory.in_own_process("measured", "W2")
    kinds = {kind: sum(parts.values()) for kind, parts in m["kinds"].items()}
    assert sum(kinds.values()) == pytest.approx(m["peak_mb"], abs=0.1)
    # G: 64 6272, its bias, batch norm, 128 64 4 4, its bias, batch norm, 64 4 4, its bias; D likewise
    g = 64 * 6272 + 6272 + 2 * 128 + 128 * 64 * 16 + 64 + 2 * 64 + 64 * 16 + 1
    d = 64 * 16 + 64 + 64 * 128 * 16 + 128 + 2 * 128 + 6272 + 1
    assert kinds["weights"] == pytest.approx(4 * (g + d) / 1e6, rel=0.01)
    assert kinds["Adam's averages"] == pytest.approx(2 * kinds["weights"], rel=0.01)
    assert 0 <= kinds["everything else that Python holds"] < 0.05 * m["peak_mb"]
    assert m["kinds"]["results of ops, for the way back"]["D.0: conv, 2 of them"] >= 2 * 4 * 64 * 64 * 14 * 14 / 1e6


def test_whole_runs_are_measured_and_compared(on_path, tmp_path):
    import whole

    (tmp_path / "tinygan").symlink_to(BENCHMARKS.parent / "tinygan")  # as `--before` unpacks a commit
    revisions = {"before": (tmp_path, []), "now, fewer": (BENCHMARKS.parent, ["--set", "batch_size=8"])}
    figures = whole.measure(revisions, ["ring"], 2, 1, 1)
    for f in figures:
        (found,) = f["runs"]
        ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # a child's peak begins at its parent's
        assert found["steps"] == 2 and 0 < found["cpu"] and 20 < found["peak_mb"] < 1000 + ours
    assert "processor" in whole.table(figures)[-1] and "processor" not in whole.table(figures)[-2]
    with pytest.raises(SystemExit, match="unknown recipe"):
        whole.run(BENCHMARKS.parent, "nothing", 2, 1)


# --- the fuzzer: its own checks can fail -------------------------------------------------------------------------


def writes_outside():
    Path("../outside/canary").write_text("mine")


def runs_code_from_the_folder():
    sys.path.insert(0, "")
    Path("planted.py").write_text("")
    import planted  # noqa: F401


def unpickles():
    import pickle

    pickle.loads(b"cbuiltins\nlen\n.")


def takes_memory():
    np.ones(100 << 20)  # 800 MB


def raises():
    raise KeyError("x")


FAULTS = {
    writes_outside: "exit code 70", runs_code_from_the_folder: "exit code 70: ran", unpickles: "exit code 70: did pickle",
    takes_memory: "took ", raises: "exit code 1: KeyError: 'x'",
}  # fmt: skip
SAYS = {
    "print('\\x1b[31m')": "printed '\\x1b'", "return 2": "exit code 2 without one sentence", "return 3": "exit code 3",
    "print('RuntimeWarning')": "a raw warning",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cases are forked")
@pytest.mark.parametrize("case", [*FAULTS, *SAYS], ids=lambda case: case if isinstance(case, str) else case.__name__)
def test_the_fuzzer_notices(on_path, tmp_path, case):
    import fuzz

    run = case
    if isinstance(case, str):
        made = {}
        exec(f"def run():\n    {case}", made)
        run = made["run"]
    _, faults, _ = fuzz.do_case("x", lambda rng, folder: lambda: run() or 0, 0, 0, tmp_path / "place")
    expected = FAULTS.get(case) or SAYS[case]
    assert any(fault.startswith(expected) for fault in faults), faults


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cases are forked")
def test_the_fuzzer_passes_what_is_right(on_path, tmp_path):
    import fuzz

    says = lambda: print("tinygan: no") or 2
    for run in (lambda: Path("mine").write_text("") and 0 or 0, says, lambda: sys.exit(2) if says() else 0):
        row, faults, _ = fuzz.do_case("x", lambda rng, folder, run=run: run, 0, 0, tmp_path / "place")
        assert not faults and row["code"] in (0, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cases are forked")
def test_a_few_spoiled_runs():
    command = [sys.executable, str(BENCHMARKS / "fuzz.py"), "--seconds", "10", "--seed", "5"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr
