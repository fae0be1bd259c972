"""Running one submission: a process of its own for all its cells, and a new one where a cell ends it.

The process (child.py) reports when a cell begins and when it is done. If it hangs, crashes or leaves in the middle of a cell,
that cell is lost: all is run again without it, from the beginning, in a new process. Only what a process says that came to
the end counts, so no cell passes in a run that stopped early.
"""

import json
import os
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tinygan.grading.submission import Step

START = 60  # seconds that Python, NumPy and tinygan may take to be there
PATIENCE = 3  # seconds of the clock for each second of processor time, then a cell must at least be computing
MOST_REPORTED = 32 << 20  # bytes


class GraderError(Exception):
    """The grader itself does not work here, whatever was handed in."""


class Stopped(Exception):
    """Grading was told to stop."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use. seconds: of processor time, for a cell. memory: of addresses, in bytes."""

    seconds: float = 10
    memory: float = 2e9
    hidden: tuple[str, ...] = ()  # files or folders with solutions
    closed: tuple[str, ...] = ()  # folders with what others handed in


class Result(NamedTuple):
    """How a step went; message: why not, output: the beginning of what it printed."""

    ok: bool
    message: str = ""
    output: str = ""


@dataclass
class Outcome:
    """What came of a submission: a Result for each step, and remarks."""

    results: list[Result] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def run(
    steps: Sequence[Step], limits: Limits, caches: Path | None = None, stop: threading.Event | None = None, student: str = ""
) -> Outcome:
    """Run the steps and return the Outcome. student: what tests find in TINYGAN_STUDENT.

    caches: a folder that is copied into the working folder, with what libraries would otherwise compute anew.
    """
    lost: dict[int, str] = {}
    while True:
        attempt = _Attempt(steps, limits, frozenset(lost), caches, stop or threading.Event(), student)
        where, why = attempt.run()
        if why is None:
            return _outcome(steps, attempt, lost)
        if where in lost:
            raise GraderError(f"the process for submissions does not end as it should ({why})")
        lost[where] = why


def _outcome(steps: Sequence[Step], attempt: "_Attempt", lost: dict[int, str]) -> Outcome:
    results = []
    for i in range(len(steps)):
        done = attempt.done.get(i)
        if done is None:
            results.append(Result(False, lost.get(i, "it was not run")))
        else:
            results.append(Result(done["ok"], done["message"], done["output"]))
    outcome = Outcome(results)
    for i, why in lost.items():
        if steps[i].kind != "test":
            outcome.remarks.append(f"{say_step(steps[i])}: {why}")
    if attempt.changed:
        outcome.remarks.append(f"it replaced {_some(attempt.changed)}; put back before each test")
    if attempt.redefined:
        outcome.remarks.append(f"it defines {_some(attempt.redefined)} again; tests use what was given")
    if attempt.strange:
        outcome.remarks.append("it wrote into the grader's pipe; that was left out")
    return outcome


def _some(names: Sequence[str]) -> str:
    """Return the first few names, for a sentence."""
    return ", ".join(names[:5]) + f" and {len(names) - 5} more" * (len(names) > 5)


def say_step(step: Step) -> str:
    """Return how a step is called in a sentence."""
    return "a cell of the student's own" if step.kind == "own" else f"{step.kind} {step.id}".strip()


class _Attempt:
    """One process that runs the steps, from its start to its end."""

    def __init__(
        self, steps: Sequence[Step], limits: Limits, skip: Iterable[int], caches: Path | None, stop: threading.Event,
        student: str,
    ) -> None:  # fmt: skip
        self.steps, self.limits, self.skip, self.caches, self.stop = steps, limits, skip, caches, stop
        self.student = student
        self.word = secrets.token_hex(16)
        self.done: dict[int, dict[str, Any]] = {}
        self.changed: list[str] = []
        self.redefined: list[str] = []
        self.strange = False
        self.lines: queue.Queue[bytes | None] = queue.Queue()

    def run(self) -> tuple[int, str | None]:
        """Return (the step in which the process ended, why), or (-1, None) if all steps were run."""
        folder = tempfile.mkdtemp(prefix="tinygan-grade-")
        try:
            if self.caches:
                shutil.copytree(self.caches, folder, dirs_exist_ok=True)
            process = self._start(folder)
            try:
                return self._follow(process)
            finally:
                _end(process)
        finally:
            remove(folder)

    def _start(self, folder: str) -> subprocess.Popen:
        words = [sys.executable, "-I", "-B", "-X", "utf8", str(Path(__file__).with_name("child.py"))]
        environment = {**_environment(folder), "TINYGAN_STUDENT": self.student}
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        steps = [(step.kind, step.id, step.text, step.seconds or self.limits.seconds) for step in self.steps]
        job = {
            "word": self.word, "steps": steps, "skip": sorted(self.skip), "memory": self.limits.memory,
            "hidden": self.limits.hidden, "closed": self.limits.closed,
        }  # fmt: skip
        assert process.stdin
        with suppress(BrokenPipeError), process.stdin as pipe:  # if it is gone, that is seen when its reports are read
            pipe.write(json.dumps(job).encode())
        threading.Thread(target=self._read, args=(process.stdout,), daemon=True).start()
        return process

    def _read(self, pipe: Any) -> None:
        """Put the process's lines into the queue, then None."""
        rest, total = b"", 0
        with pipe:
            while (part := os.read(pipe.fileno(), 1 << 16)) and total < MOST_REPORTED:
                total += len(part)
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    self.lines.put(line)
        self.lines.put(None)

    def _follow(self, process: subprocess.Popen) -> tuple[int, str | None]:
        now: int | None = None
        self._expect(process, START)
        while True:
            line = self._next(process)
            if line is None:
                why = self._why(process)
                if now is None:
                    raise GraderError(f"the process for submissions did not start: {why}")
                return now, why
            message = self._understand(line)
            if "begin" in message:
                now = message["begin"]
                self._expect(process, self.steps[now].seconds or self.limits.seconds)
            elif "done" in message:
                self.done[message["done"]] = message
            elif "ready" in message:
                now = self._first()
            elif "trouble" in message:
                raise GraderError(f"the process for submissions did not start: {message['trouble']}")
            elif "end" in message:
                self.changed, self.redefined = message["changed"], message["redefined"]
                return -1, None

    def _expect(self, process: subprocess.Popen, seconds: float) -> None:
        """Give the process `seconds` of processor time from now on."""
        self.seconds, self.begun, self.used = seconds, time.monotonic(), processor_time(process.pid)

    def _overdue(self, process: subprocess.Popen) -> bool:
        """Return whether a cell takes too long. The system ends those that compute; this one waits, or would not be ended.

        A busy machine gives it little processor time in a second: it may go on while it uses a twentieth of the clock's.
        """
        clock = time.monotonic() - self.begun
        if clock < PATIENCE * self.seconds:
            return False
        used = processor_time(process.pid) - self.used
        return used < clock / 20 or used > 2 * self.seconds + 2

    def _first(self) -> int:
        """Return the step that is blamed if the process ends before one begins."""
        return next((i for i in range(len(self.steps)) if i not in self.skip), 0)

    def _next(self, process: subprocess.Popen) -> bytes | None:
        """Return the next line, None if it takes too long or there are no more."""
        while not self.stop.is_set():
            try:
                return self.lines.get(timeout=0.25)
            except queue.Empty:
                if self._overdue(process):
                    return None
        raise Stopped

    def _why(self, process: subprocess.Popen) -> str:
        """Return why a process that reports nothing any more ended."""
        try:
            code = process.wait(timeout=0 if self._overdue(process) else 5)
        except subprocess.TimeoutExpired:
            clock = time.monotonic() - self.begun
            late = self._overdue(process)
            return f"it did not finish within {clock:.0f} s of the clock" if late else "it closed the grader's pipe"
        name = signal.Signals(-code).name if code < 0 else ""
        if name == "SIGXCPU":
            return f"it did not finish within {self.seconds:g} s of processor time"
        if name == "SIGKILL":
            return "the system killed it; did it take too much memory?"
        if name:
            return f"it crashed Python ({name}); calls inside calls without an end?"
        return f"it ended Python (exit code {code})"

    def _understand(self, line: bytes) -> dict[str, Any]:
        """Return the message of a line, {} if it is not the grader's."""
        word, _, text = line.partition(b" ")
        if secrets.compare_digest(word, self.word.encode()):
            return json.loads(text)
        self.strange = True
        return {}


def processor_time(pid: int) -> float:
    """Return the seconds of processor time that a process has used; 0 where that cannot be known."""
    with suppress(OSError, ValueError, IndexError, AttributeError):  # Linux
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    with suppress(OSError, ValueError):  # macOS: days-hours:minutes:seconds
        said = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
        parts = [float(part) for part in said.replace("-", ":").split(":")]
        return sum(part * unit for part, unit in zip(reversed(parts), (1, 60, 3600, 86400)))
    return 0.0


def _end(process: subprocess.Popen) -> None:
    """End a process and all of its group."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):  # macOS says the second of a group that has ended
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _environment(folder: str) -> dict[str, str]:
    """Return the environment of a submission: nothing of the teacher's, one thread, no screen."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept, "HOME": folder, "TMPDIR": folder, "TEMP": folder, "TMP": folder, "MPLCONFIGDIR": folder, "MPLBACKEND": "Agg",
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TINYGAN_THREADS": "1",
        "TINYGAN_PROGRESS": "0", "TINYGAN_CACHE": str(Path(folder) / "cache"),
    }  # fmt: skip


def remove(folder: str | Path) -> None:
    """Remove a folder with whatever a submission left in it: folders without rights, thousands of them in each other."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder) and os.name == "posix":
        subprocess.run(["chmod", "-R", "u+rwx", str(folder)], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", "--", str(folder)])


def make_caches(folder: Path) -> Path:
    """Let matplotlib look for fonts once, into `folder`, instead of once in each process."""
    words = [sys.executable, "-I", "-c", "import matplotlib.font_manager"]
    subprocess.run(words, env=_environment(str(folder)), stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    return folder
