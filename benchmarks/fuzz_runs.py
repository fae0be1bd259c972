"""Formats of a run's folder for `fuzz.py`: config.json, the log, checkpoints, and what lies where a file is expected."""

import json
import os
import shutil
import struct
import zlib
from functools import cache, partial

import numpy as np
from fuzz import NASTY, command, spoil

SMALL = {  # recipes that train a step in milliseconds, without data from elsewhere
    "digits": {"hidden": 4, "features": 4, "noise": 2, "row_noise": 1, "batch_size": 4},
    "ring": {"hidden": 8, "batch_size": 16, "codes": 0},
    "sines": {"hidden": 4, "batch_size": 4, "noise": 2, "step_noise": 2},
    "names": {"hidden": 6, "batch_size": 4, "embedding": 3, "way": "mle"},
    "stock": {"hidden": 4, "batch_size": 4, "noise": 2, "step_noise": 2, "length": 5},
}
DATA = {  # of recipes that are trained on a file
    "names": "".join(f"{a}{b}\n" for a in ("an", "be", "cy", "do", "el") for b in ("ba", "la", "no", "ra", "ti", "vi")),
    "stock": "open,close\n" + "".join(f"{k % 7},{k * k % 11}\n" for k in range(60)),
}


@cache
def good_run(recipe):
    """Return {name: bytes} of the files of a run of six steps, trained once."""
    import contextlib
    import io
    import tempfile
    from pathlib import Path

    words = [word for key, value in SMALL[recipe].items() for word in ("--set", f"{key}={value}")]
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()):
        if recipe in DATA:
            Path(place, "data").write_text(DATA[recipe])
            words += ["--data", f"{place}/data"]
        assert command("train", recipe, "--steps", 6, "--out", f"{place}/run", *words)() == 0
        run = Path(place, "run")
        return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()}


def lay(rng, folder):
    """Write a good run into `folder`, named after its recipe; return its path."""
    recipe = rng.choice(list(SMALL))
    run = folder / recipe
    for name, content in good_run(recipe).items():
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return run


def use(rng, run):
    """Return one of the commands that open a run; `evaluate` trains judges of series for minutes, and is left out there."""
    name = run.name
    commands = [
        command("sample", name, "-n", "3"), command("sample", name, "-n", "2", "--out", f"{name}/a.npy"),
        command("plot", name), command("train", "--resume", "--out", name),
    ]  # fmt: skip
    return rng.choice(commands + [command("evaluate", name, "-n", "20")] * (name not in ("sines", "stock")))


def config(rng, folder):
    """A config.json with a value of another kind somewhere, or with bytes changed."""
    run = lay(rng, folder)
    path = run / "config.json"
    if rng.random() < 0.3:
        path.write_bytes(spoil(rng, path.read_bytes()))
    else:
        found = json.loads(path.read_bytes())
        found.setdefault("rewinds", [{"to_step": 3, "pace": 0.5, "because": "x"}])
        for _ in range(rng.choice((1, 1, 2))):
            place = found
            while True:
                keys = list(place) if isinstance(place, dict) else range(len(place))
                key = rng.choice(keys)
                if not place[key] or not isinstance(place[key], dict | list) or rng.random() < 0.1:
                    break
                place = place[key]
            if isinstance(place, dict) and rng.random() < 0.1:
                place[rng.choice(("kept", "saved", "data", "x\x1b[2J"))] = rng.choice(NASTY)
            else:
                place[key] = rng.choice(NASTY)
        path.write_text(json.dumps(found), errors="surrogatepass")
    return use(rng, run)


def log(rng, folder):
    """A log.jsonl with rows of another form, or with bytes changed."""
    run = lay(rng, folder)
    path = run / "log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for _ in range(rng.choice((1, 2, 10, 1000))):
        row = json.loads(rng.choice(lines[:2]))
        for _ in range(rng.choice((1, 2))):
            more = "event", "says", "diversity", "d_gradient_norm/a", "penalty", "$x_", "\x1b[2J", "n" * 9999
            name = rng.choice((*row, *more))
            row[name] = rng.choice(NASTY[:-1])
        lines.insert(rng.randrange(len(lines) + 1), json.dumps(row).encode() + b"\n")
    content = b"".join(lines)
    path.write_bytes(spoil(rng, content) if rng.random() < 0.4 else content)
    return use(rng, run)


def checkpoint(rng, folder):
    """A checkpoint with bytes changed, or with other arrays and metadata under a good SHA-256."""
    from tinygan.run.checkpoint import load_checkpoint, save_checkpoint

    run = lay(rng, folder)
    for path in sorted((run / "checkpoints").glob("step-*")):
        if rng.random() < 0.5:
            path.write_bytes(spoil(rng, path.read_bytes()))
            continue
        arrays, metadata = load_checkpoint(path)
        del metadata["tinygan"]
        name = rng.choice(list(arrays))
        a = arrays.pop(name)
        fill = partial(np.full_like, a)
        with np.errstate(all="ignore"):
            arrays[name if rng.random() < 0.9 else rng.choice(("", "x\x1b[2J", "generator.x", "n" * 9999))] = rng.choice(
                (
                    fill(-1), fill(0), a * 1e30, a * 1e-30, a.astype(np.int64), a.astype(bool), a.reshape(-1), a[..., None],
                    np.zeros((0, 5), a.dtype), a.astype(np.float16), a.astype(np.uint64),
                    *((fill(np.nan), fill(np.inf)) if a.dtype.kind == "f" else ()),
                )
            )  # fmt: skip
        if rng.random() < 0.3:
            metadata[rng.choice(("step", "recipe", "settings", "saved", "format"))] = rng.choice(NASTY[:15])
        try:
            save_checkpoint(path, arrays, **metadata)
        except ValueError:  # bool as a name and the like
            path.write_bytes(b"")
    return use(rng, run)


def planted(rng, folder):
    """Links, pipes and folders where files are, files where folders are, names with other digits."""
    run = lay(rng, folder)
    names = sorted(str(p.relative_to(run)) for p in run.rglob("*"))
    names += ["lock", "curves.png", "scores.json", "samples.gif", "tensorboard", "a.npy", "checkpoints/latest", ".1.x"]
    names += ["samples/step-²²².png", "checkpoints/step-².safetensors", "checkpoints/step-9.safetensors", "samples/.1.x"]
    for _ in range(rng.choice((1, 1, 2, 3))):
        path = run / rng.choice(names)
        if not path.parent.is_dir() or path.parent.is_symlink():
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        how = rng.randrange(7)
        targets = ["../../outside/canary", "../../../outside/canary", "../outside", "../../outside", "/dev/zero", path.name]
        if how <= 1:
            path.symlink_to(rng.choice([*targets, "/dev/full", folder.parent / "outside" / "folder", "nowhere"]))
        elif how == 2:
            os.mkfifo(path)
        elif how == 3:
            path.mkdir()
        elif how == 4:
            with open(path, "wb") as file:
                file.truncate(rng.choice((1 << 20, 1 << 28, 1 << 31, 1 << 40)))
        elif how == 5:
            os.link(folder.parent / "outside" / "canary", path)
        else:
            path.write_bytes(rng.choice((b"", b"\xff\xfe", b"\x1b[2J", b"\x80\x04.", b"PK\x03\x04", b"[" * 100_000)))
    return use(rng, run)


def pictures(rng, folder):
    """Pictures of samples with bytes changed, or with a header that promises more."""
    run = lay(rng, folder)
    for path in sorted((run / "samples").glob("*.png")):
        content = bytearray(path.read_bytes())
        if rng.random() < 0.4:
            width, height = (rng.choice((0, 1, 100, 5000, 60_000, 2**31)) for _ in range(2))
            content[16:24] = struct.pack(">II", width, height)
            content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
        path.write_bytes(content if rng.random() < 0.3 else spoil(rng, bytes(content)))
    return command("plot", run.name)


def settings(rng, folder):
    """`tinygan train` with settings at their ends, as far as two steps of them end within a minute."""
    from dataclasses import fields

    from tinygan import recipes

    recipe = rng.choice([name for name in SMALL if name not in DATA])
    kind = recipes.load(recipe).Settings
    values = {"steps": 2, **SMALL[recipe]}
    for f in rng.sample(fields(kind.choose(values)), rng.choice((1, 2, 3))):
        low, high, choices = (f.metadata[key] for key in ("low", "high", "choices"))
        high = min(high, 500) if high is not None else None
        if f.name not in ("steps", "data"):
            values[f.name] = rng.choice(choices or [low, high, 0, 1, 0.5, 3, 1e30, 1e-30, 7, 100])
    words = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    return command("train", recipe, "--out", "run", *words)


FORMATS = {
    "config": config, "log": log, "checkpoint": checkpoint, "planted": planted, "pictures": pictures, "settings": settings,
}  # fmt: skip
