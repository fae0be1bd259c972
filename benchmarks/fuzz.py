"""Spoiled and malicious files, by the thousand: whatever is read, the answer is success or one sentence.

    python benchmarks/fuzz.py --seconds 60                     every format in turn, from seed 0
    python benchmarks/fuzz.py --seconds 600 --seed 7 --formats config log --out results/fuzz
    python benchmarks/fuzz.py --formats config --case 17       one case again, its output printed

A case is a folder of files and what is done with them. It is done in a process of its own, with limits on memory and
time, in a folder beside which lies another that must stay as it is. It fails by an exception that is not ours, by an
exit code but 0 and 2, by anything but one sentence beside a 2, by control characters on the terminal, by more memory
than a small multiple of its files, by a file written outside its folder, by code that is run from it, or by time.

Formats are in the files `fuzz_*.py` beside this one. Each file has

    FORMATS = {"config": case, ...}

case(rng, folder) writes files into the empty `folder`, all chance from `rng`, a `random.Random`, and returns a function
without arguments that is called in that folder and returns an exit code: mostly `command("sample", "run")`. `spoil` and
`NASTY` are for them.
"""

import argparse
import collections
import contextlib
import importlib
import json
import os
import random
import resource
import shutil
import stat
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).parent
ADDRESS_SPACE = 6 << 30  # bytes: a case that asks for more gets MemoryError, which is none of our sentences
MEMORY, MULTIPLE = 512 << 20, 20  # bytes that a case may take, and as many more for each byte of its files
SECONDS = 60  # of processor time; some cases train a step or draw
WRITTEN = 1 << 30  # bytes of the largest file that a case may write
CODE = 70  # exit code of a case that ran code from its folder or wrote outside it

NASTY = [  # values that JSON can have where something else is expected
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**9, 10**12, int("9" * 400), 1e308, -1e308, 5e-324, 0.5, float("nan"),
    float("inf"), "", "x", "9" * 400, "²", "../outside/canary", "/dev/zero", "\x1b[31mred\x1b]0;title\x07", "\u202e\u0000",
    "\ud800", [], [1], [[]] * 50, {}, {"x": 1}, "a" * 100_000,
]  # fmt: skip


def command(*words):
    """Return a function that runs `tinygan WORDS` and returns its exit code."""

    def run():
        from tinygan.cli import main

        return main([str(word) for word in words])

    return run


def spoil(rng, content):
    """Return bytes with a few of them changed, cut out, doubled or put in."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        at = rng.randrange(len(content) + 1)
        size = min(len(content) - at, rng.choice((1, 2, 4, 8, 64, 1000)))
        how = rng.randrange(7)
        if how == 0 and size:
            content[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            content[at : at + size] = rng.randbytes(size)
        elif how == 2:
            del content[at : at + size]
        elif how == 3:
            content[at:at] = content[at : at + size] * rng.choice((1, 1, 2, 1000))
        elif how == 4:
            del content[at:]
        elif how == 5:
            content[at : at + size] = rng.choice((b"\0", b"\xff", b"\x7f", b"9", b"[")) * size
        else:
            content[at:at] = rng.choice((b"\x1b[2J", b"\r", b"\n", b"\xe2\x80\xa8", b"\xcc\x81", b"-", b"1e999", b'"', b"{"))
    return bytes(content)


# --- one case ------------------------------------------------------------------------------------------------------


def formats():
    """Return {name: case} of all files `fuzz_*.py` beside this one."""
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    found = {}
    for path in sorted(HERE.glob("fuzz_*.py")):
        found |= importlib.import_module(path.stem).FORMATS
    return found


def seen(folder):
    """Return {name: what it is} of all below `folder`, links not followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(about.st_mode) else path.is_symlink() and os.readlink(path)
        found[str(path)] = about.st_mode, content
    return found


def size_of(folder):
    """Return the bytes of all regular files below `folder`."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if stat.S_ISREG(path.lstat().st_mode))


def do_case(name, case, seed, number, place):
    """Do a case in the folder `place`; return ({"format", "case", "code", ...}, faults in words, its output)."""
    shutil.rmtree(place, ignore_errors=True)
    folder, outside = place / "case", place / "outside"
    folder.mkdir(parents=True)
    outside.mkdir()
    (outside / "canary").write_text("1234 a file of somebody\n")
    (outside / "folder").mkdir()
    (outside / "folder" / ".1.canary").write_text("looks like a leftover\n")
    run = case(random.Random(f"{seed} {name} {number}"), folder)
    before, size = seen(outside), size_of(folder)
    sys.stdout.flush()
    begun, inherited = time.monotonic(), int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    pid = os.fork()
    if pid == 0:
        do_in_child(run, folder, place / "output")
    _, status, used = wait(pid, 4 * SECONDS)
    code = os.waitstatus_to_exitcode(status)
    output = (place / "output").read_bytes()
    memory = max(0, (used.ru_maxrss << 10) - inherited)
    faults = []
    if seen(outside) != before or {path.name for path in place.iterdir()} != {"case", "outside", "output"}:
        faults.append("touched what is outside its folder")
    if memory > MEMORY + MULTIPLE * size:
        faults.append(f"took {memory >> 20} MB for {size:,} bytes of files")
    if code not in (0, 2):
        last = output.strip().splitlines() or [b"nothing said"]
        faults.append(f"exit code {code}: {last[-1].decode(errors='replace')[:200]}")
    elif code == 2 and not output.rpartition(b"\n")[0].rpartition(b"\n")[2].startswith(b"tinygan: "):
        faults.append("exit code 2 without one sentence")
    elif code == 2 and b"not enough memory" in output:
        faults.append("asked for more memory than there may be")
    strange = [c for c in output.decode(errors="replace") if not c.isprintable() and c not in "\n\r\t"]
    if strange:
        faults.append(f"printed {strange[0]!r}")
    if b"Warning" in output:
        faults.append("a raw warning")
    row = {
        "format": name, "case": number, "code": code, "seconds": round(time.monotonic() - begun, 2), "mb": memory >> 20,
    }  # fmt: skip
    return row, faults, output.decode(errors="replace")


def wait(pid, seconds):
    """Wait for a process, and kill it after so many seconds; return what os.wait4 does."""
    until = time.monotonic() + seconds
    while True:
        ended = os.wait4(pid, os.WNOHANG)
        if ended[0]:
            return ended
        if time.monotonic() > until:
            os.kill(pid, 9)
        time.sleep(0.002)


def do_in_child(run, folder, output):
    """Call `run` in `folder` under the limits, all that it prints in the file `output`, and exit with its code."""
    code = 1
    try:
        said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(said, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout, sys.stderr = (open(stream, "w", encoding="utf-8", closefd=False) for stream in (1, 2))
        os.chdir(folder)
        for kind, limit in (
            (resource.RLIMIT_AS, ADDRESS_SPACE), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_FSIZE, WRITTEN),
            (resource.RLIMIT_CORE, 0),
        ):  # fmt: skip
            resource.setrlimit(kind, (limit, limit))
        sys.addaudithook(guard(folder.resolve(), output))
        code = run()
    except SystemExit as ended:  # argparse
        code = ended.code
    except BaseException as error:
        code = 1
        if any(kind.__module__.startswith("tinygan") for kind in type(error).__mro__):  # ours: DataError, RunError ...
            print(f"tinygan: {error}")
            code = 2
        else:
            traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code if isinstance(code, int) else 1)


def guard(folder, output):
    """Return an audit hook that ends the process where it runs code from `folder` or writes beside it."""
    inside = f"{folder}{os.sep}"
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

    def end(what):
        os.write(2, f"{what}\n".encode(errors="replace"))
        os._exit(CODE)

    def see(event, arguments):
        if event in ("pickle.find_class", "os.system", "subprocess.Popen", "os.exec", "socket.connect"):
            end(f"did {event}")
        if event == "exec" and str(getattr(arguments[0], "co_filename", "")).startswith(inside):
            end(f"ran {arguments[0].co_filename}")
        if event == "open" and isinstance(arguments[0], str | bytes) and (arguments[2] or 0) & writes:
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if not path.startswith(inside) and not path.startswith(("/dev/null", "/dev/shm/")):
                end(f"opened {path!r} to write")

    return see


# --- many ----------------------------------------------------------------------------------------------------------


def main(words=None):
    """Run the fuzzer; return 1 if a case failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="in all (default 60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--formats", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("--case", type=int, help="only the case of this number, its output printed")
    parser.add_argument("--out", metavar="PATH", help="write PATH.json and PATH.md")
    options = parser.parse_args(words)
    os.environ.update(OPENBLAS_NUM_THREADS="1", TINYGAN_THREADS="1", TINYGAN_PROGRESS="0", MPLBACKEND="Agg")
    known = formats()
    unknown = set(options.formats or ()) - set(known)
    if unknown:
        parser.error(f"no format {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    chosen = {name: known[name] for name in options.formats or known}
    load_what_commands_load()
    rows, failed, begun = [], [], time.monotonic()
    numbers = [options.case] if options.case is not None else iter(range(10**9))
    with tempfile.TemporaryDirectory() as place:
        for number in numbers:
            for name, case in chosen.items():
                row, faults, output = do_case(name, case, options.seed, number, Path(place) / "place")
                rows.append(row)
                for fault in faults:
                    failed.append({**row, "fault": fault})
                    print(f"{name} --seed {options.seed} --case {number}: {fault}", flush=True)
                if options.case is not None:
                    print(output, end="")
                if time.monotonic() - begun > options.seconds:
                    break
            else:
                continue
            break
    print(table(rows, failed))
    if options.out:
        words = sys.argv[1:] if words is None else words
        said = f"`python benchmarks/fuzz.py {' '.join(words)}`, {time.monotonic() - begun:.0f} s\n\n{table(rows, failed)}\n"
        Path(options.out).with_suffix(".md").write_text(said)
        Path(options.out).with_suffix(".json").write_text(json.dumps({"rows": rows, "failed": failed}) + "\n")
    return 1 if failed else 0


def load_what_commands_load():
    """Import here, once, what the commands would import in every case."""
    import matplotlib.figure  # noqa: F401
    import PIL.Image
    import safetensors.numpy  # noqa: F401
    import tqdm  # noqa: F401

    from tinygan import cli, recipes  # noqa: F401

    PIL.Image.init()
    for name in recipes.names():
        recipes.load(name)


def table(rows, failed):
    """Return a Markdown table: a line for each format."""
    lines = ["| format | cases | success | one sentence | failed | slowest, s | most memory, MB |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|")
    for name in dict.fromkeys(row["format"] for row in rows):
        mine = [row for row in rows if row["format"] == name]
        codes = collections.Counter(row["code"] for row in mine)
        bad = len({row["case"] for row in failed if row["format"] == name})
        slowest, most = (max(row[key] for row in mine) for key in ("seconds", "mb"))
        lines.append(f"| {name} | {len(mine)} | {codes[0]} | {codes[2]} | {bad} | {slowest:.1f} | {most} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
