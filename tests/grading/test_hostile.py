"""Submissions that cheat, break out or break down: each loses its own points, and nothing else happens."""

import os
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from grading.tiny import grade_text, solution, write_tiny

from tinygan.grading.grade import grade_one
from tinygan.grading.run import Limits, Stopped, remove
from tinygan.grading.source import read_source
from tinygan.grading.submission import Submission, read

posix = pytest.mark.skipif(os.name != "posix", reason="limits of the system: POSIX only")
BOTH = {"9.1a", "9.1b"}

# What stands in `double` in the place of its solution, and what is said about its tests.
BODIES = {
    "sys.exit": ("import sys; sys.exit()", "asked Python to exit"),
    "exit code 0 at once": ("import os; os._exit(0)", "ended Python (exit code 0)"),
    "crash": ("import faulthandler; faulthandler._sigsegv()", "crashed Python (SIGSEGV)"),
    "endless loop": ("while True: pass", "within 1 s of processor time"),
    "endless sleep": ("import time; time.sleep(1000)", "within 3 s of the clock"),
    "loop that heeds no signal": (
        "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n    while True: pass", "of the clock",
    ),
    "deep recursion": ("return double(x)", "too many calls inside calls"),
    "deeper recursion": ("import sys; sys.setrecursionlimit(10**9); return double(x)", "it "),
    "50 GB of zeros": ("return np.zeros(50 * 10**9 // 8)", "MemoryError"),
    "50 GB of lists": ("return [0] * (50 * 10**9)", "MemoryError"),
    "fork": ("import os; os.fork()", "may not start a process"),
    "fork bomb": ("import os\n    while True:\n        try: os.fork()\n        except OSError: pass", "processor time"),
    "subprocess": ("import subprocess; subprocess.run(['true'])", "may not start a process"),
    "fork behind subprocess": ("import _posixsubprocess as p; p.fork_exec()", "may not start a process"),
    "multiprocessing": ("import multiprocessing as m; p = m.Process(target=print); p.start()", "may not start a process"),
    "system": ("import os; os.system('true')", "may not start a process"),
    "thread": ("import threading; threading.Thread(target=print).start()", "may not start a thread"),
    "kill": ("import os; os.kill(os.getppid(), 9)", "may not send a signal"),
    "network": ("import socket; socket.create_connection(('127.0.0.1', 9))", "may not use the network"),
    "ctypes": ("import ctypes; ctypes.CDLL(None)", "may not load a C library"),
    "all objects": ("import gc; return gc.get_objects()", "may not look through all objects"),
    "more memory": ("import resource as r; r.setrlimit(r.RLIMIT_AS, (-1, -1))", "may not change its limits"),
    "a huge file": ("open('big', 'wb').write(bytes(65 << 20))", "File too large"),
    "close all": ("import os; os.closerange(0, 64); return 1", "it ended Python"),
    "words without an end": ("raise ValueError('x' * 10**7)", "ValueError: xxx"),
    "an error that cannot be said": ("class E(Exception):\n        def __str__(self): raise SystemExit\n    raise E", "E"),
}  # fmt: skip


@posix
@pytest.mark.parametrize("name", BODIES)
def test_a_task_that_misbehaves_costs_its_own_points(name, tmp_path):
    body, said = BODIES[name]
    if name == "deeper recursion" and sys.version_info >= (3, 12):
        said = ""  # Python 3.12 stops it by itself
    text = solution(tmp_path, double=f"    {body}\n")
    grade = grade_text(tmp_path, text, seconds=1, memory=1e9)
    assert {test for test, _ in grade.lost} == BOTH and grade.points == 4
    assert all(said in test.message and len(test.message) <= 2000 for test in grade.tests if not test.ok), grade.tests


# What stands in a cell of the student's own, before tasks that are solved; `None` where nothing is remarked.
CELLS = {
    "raise": ("raise ValueError('mine')", None),
    "sys.exit": ("import sys; sys.exit(0)", None),
    "leave": ("import os; os._exit(0)", "own: it ended Python (exit code 0)"),
    "endless loop": ("while True: pass", "own: it did not finish within 1 s of processor time"),
    "print without end": ("for _ in range(100000): print('x' * 100)", None),
    "exit handler": ("import atexit, os; atexit.register(os._exit, 3)", None),
    "alarm": ("import signal; signal.setitimer(signal.ITIMER_REAL, 1)", None),
    "write to every pipe": ("import os\nfor i in range(3, 20):\n    try: os.write(i, b'{\"end\": true}\\n')\n"
                            "    except OSError: pass", "wrote into the grader's pipe"),
    "close stdout": ("import sys; sys.stdout.close(); print(1)", None),
    "magic": ("%matplotlib inline\n!pip install tinygan\nx = 1", None),
}  # fmt: skip


@posix
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_of_ones_own_that_misbehaves_costs_nothing(name, tmp_path):
    cell, remark = CELLS[name]
    grade = grade_text(tmp_path, solution(tmp_path, before=cell), seconds=1)
    assert grade.lost == []
    assert any(remark in said for said in grade.remarks) if remark else grade.remarks == []
    assert all(len(cell.output) <= 4000 for cell in grade.cells)


# Wrong solutions with a cell that would have them pass.
CHEATS = {
    "assert_gradients": "assert_gradients = lambda *a, **k: None",
    "assert_gradients of the module": "import tinygan.gradcheck as t; t.assert_gradients = t.check.assert_gradients = print",
    "the code of assert_gradients": "assert_gradients.__code__ = (lambda f, *i, **o: None).__code__",
    "numpy": "np.allclose = lambda *a, **k: True",
    "the name np": "class np:\n    ones = ones_like = allclose = lambda *a, **k: True",
    "a class of tinygan": "from tinygan.gradcheck import GradientError; GradientError.__init__ = lambda s, *a: None",
    "fake results on stdout": 'print(\'{"done": 4, "ok": true}\'); print("28 of 28 points")',
    "tracing": "import sys; sys.settrace(lambda f, e, a: None)",
}


@pytest.mark.parametrize("name", CHEATS)
def test_replaced_tools_are_put_back(name, tmp_path):
    """9.1a and 9.1b ask for -2 x; the wrong double passes only if what judges it was replaced."""
    wrong = "    return 2 * x if np.ndim(x) == 0 else 3 * x\n"
    grade = grade_text(tmp_path, solution(tmp_path, double=wrong, before=CHEATS[name]))
    assert grade.lost == [("9.1b", 1)], grade.tests
    if name not in ("fake results on stdout", "tracing"):
        assert any("put back" in remark or "again" in remark for remark in grade.remarks), grade.remarks


WRITES = """
import os, pathlib, shutil
done = []
for way in (
    lambda: open(OUT + "/new", "w"), lambda: open(OUT + "/old", "a"), lambda: os.open(OUT + "/new", os.O_CREAT | os.O_WRONLY),
    lambda: os.remove(OUT + "/old"), lambda: os.rename(OUT + "/old", "taken"), lambda: os.rename("mine", OUT + "/mine"),
    lambda: os.mkdir(OUT + "/folder"), lambda: os.symlink("mine", OUT + "/link"), lambda: os.link(OUT + "/old", "link"),
    lambda: os.chmod(OUT + "/old", 0), lambda: os.truncate(OUT + "/old", 0), lambda: os.utime(OUT + "/old", (0, 0)),
    lambda: shutil.rmtree(OUT), lambda: pathlib.Path(OUT, "new").write_text("x"), lambda: os.mkfifo(OUT + "/pipe"),
    lambda: np.save(OUT + "/array.npy", np.ones(3)), lambda: os.rmdir(OUT + "/empty"),
    lambda: (os.symlink(OUT, "door"), open("door/new", "w")), lambda: (os.chdir(OUT), open("new", "w")),
    lambda: __import__("sqlite3").connect(OUT + "/base"),
):
    try: way()
    except PermissionError: continue
    except OSError as error: done.append(repr(error)); continue
    done.append("it worked")
assert not done, done
"""


def test_nothing_outside_the_working_folder_changes(tmp_path):
    outside = tmp_path / "outside"
    (outside / "empty").mkdir(parents=True)
    (outside / "old").write_text("as it was")
    before = sorted((p.name, p.stat().st_mode, p.stat().st_mtime_ns, p.stat().st_size) for p in outside.rglob("*"))
    inside = "open('mine', 'w').write('x'); os.mkdir('a'); os.rename('mine', 'a/mine'); assert os.listdir('a') == ['mine']"
    after = f"import os; os.chdir(os.environ['HOME']); {inside}"
    text = solution(tmp_path, before=f"OUT = {str(outside)!r}\n{WRITES}", after=after)
    grade = grade_text(tmp_path, text)
    assert [cell.message for cell in grade.cells if not cell.ok] == [] and grade.lost == []
    assert before == sorted((p.name, p.stat().st_mode, p.stat().st_mtime_ns, p.stat().st_size) for p in outside.rglob("*"))


def test_solutions_and_other_submissions_cannot_be_read(tmp_path):
    """The folder of assignments is closed, and that of submissions but for Python itself."""
    hidden, closed = tmp_path / "hidden", tmp_path / "closed"
    for folder in (hidden, closed):
        folder.mkdir()
        (folder / "bob.py").write_text("the solution")
    ways = "lambda: open(F + '/bob.py'), lambda: os.listdir(F), lambda: os.scandir(F), lambda: np.loadtxt(F + '/bob.py')"
    look = f"import os\nseen = []\nfor way in ({ways}):\n    try: way(); seen.append(way)\n    except PermissionError: pass"
    for folder in (hidden, closed):
        text = solution(tmp_path, before=f"F = {str(folder)!r}\n{look}\nassert not seen")
        grade = grade_text(tmp_path, text, hidden=(str(hidden),), closed=(str(closed),))
        assert grade.cells == [] and grade.lost == []
        assert not grade_text(tmp_path, text).cells[0].ok  # where nothing is closed, they are seen


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    """No process, no temporary folder, whatever it was filled with."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    deep = "import os\nfor _ in range(1000): os.mkdir('d'); os.chdir('d')\nos.chmod('.', 0)"
    assert grade_text(tmp_path, solution(tmp_path, before=deep)).lost == []
    assert list((tmp_path / "temporary").iterdir()) == []


def test_remove_takes_anything_away(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    (tmp_path / "outside").write_text("x")
    (inner / "link").symlink_to(tmp_path / "outside")
    inner.chmod(0)
    remove(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]


def test_grading_can_be_stopped(tmp_path):
    path = tmp_path / "anna.py"
    path.write_text(solution(tmp_path, double="    import time; time.sleep(1000)\n"))
    assignment, stop = read_source(write_tiny(tmp_path)), threading.Event()
    threading.Timer(1.0, stop.set).start()
    begun = time.monotonic()
    with pytest.raises(Stopped):
        grade_one(read(Submission("anna", path), "ps9"), assignment, Limits(seconds=100), stop=stop)
    assert time.monotonic() - begun < 60


def test_the_student_s_environment_is_not_the_teacher_s(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "of the teacher")
    body = "    import os; assert 'SECRET_TOKEN' not in os.environ, 'seen'; assert Path.home() == Path.cwd(); return 2 * x\n"
    assert grade_text(tmp_path, solution(tmp_path, double=body, before="from pathlib import Path")).lost == []


def test_messages_say_where(tmp_path):
    text = solution(tmp_path, double=textwrap.indent("y = x\nreturn y + unknown\n", "    "))
    message = grade_text(tmp_path, text).tests[0].message
    assert message == "NameError: name 'unknown' is not defined (line 4 of task 9.1: return y + unknown)"
    grade = grade_text(tmp_path, solution(tmp_path, double="    return 2 x\n"))
    assert "SyntaxError" in grade.cells[0].message and "line 3 of task 9.1: return 2 x" in grade.cells[0].message
    assert {test for test, _ in grade.lost} == BOTH
    assert "secret" not in str(Path(__file__))
