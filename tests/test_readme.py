"""The README keeps its word: its Python runs, its pictures are there, its test command is what CI runs."""

import re
from pathlib import Path

import numpy as np
import pytest

from tinygan import recipes

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def block(beginning):
    """The Python block of the README in which `beginning` occurs."""
    return next(code for code in re.findall(r"```python\n(.*?)```", README, re.S) if beginning in code)


def test_a_gan_of_your_own():
    code = block("nn.Sequential").replace("range(2000)", "range(1000)")
    names = {}
    exec(code, names)
    points = names["G"](names["Tensor"](np.random.default_rng(1).standard_normal((500, 8), dtype="float32"))).data
    assert np.abs(np.hypot(*points.T) - 1).mean() < 0.2  # near the circle of radius 1


def test_what_users_of_pytorch_write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(block("manual_seed"), names)
    assert names["loss"].item() < 2 and (tmp_path / "net.safetensors").is_file()
    assert [p.requires_grad for p in names["net"].parameters()] == [False, False, True, True]


def test_an_op_and_the_data():
    names = {}
    exec("from tinygan import op\nfrom tinygan.backend import xp\n" + block("@op"), names)
    assert names["tanh"](np.float64(1.0)) == np.tanh(1.0)
    exec(block("loader.batch"), names)
    assert names["x"].shape == (64, 1, 8, 8)


def test_gradcheck_of_a_pair():
    x, w = np.ones((2, 3)), np.ones((3, 4))
    names = {
        "x": x,
        "w": w,
        "affine_forward": lambda x, w: x @ w,
        "affine_backward": lambda g, x, w: (g @ w.T, x.T @ g),
    }
    exec(block("assert_gradients"), names)
    names["affine_backward"] = lambda g, x, w: (g @ w.T, 2 * x.T @ g)
    with pytest.raises(AssertionError, match="w"):
        exec(block("assert_gradients"), names)


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_linked_files_exist(path):
    assert (ROOT / path).is_file()


def test_every_recipe_has_a_row():
    rows = {name for cell in re.findall(r"^\| ([^|]*) \|", README, re.M) for name in re.findall(r"`([\w-]+)`", cell)}
    assert set(recipes.names()) - rows == set()


SHARED = {
    "code": r"```.*?```",
    "first cells of tables": r"^\| (`[^|]*) \|",
    "links and pictures": r"\]\(((?!README|#)[^)]+)\)",
    "headings": r"^#+ ",
}


@pytest.mark.parametrize("part", SHARED)
def test_the_chinese_readme_is_in_step(part):
    chinese = (ROOT / "README.zh-CN.md").read_text()
    find = re.compile(SHARED[part], re.S | re.M).findall
    assert find(chinese) == find(README)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_links_within_lead_to_headings(name):
    text = (ROOT / name).read_text()
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.M)}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert len(links) >= 3 and set(links) <= headings


def test_files_that_texts_name_exist():
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("lessons/*.py"), *ROOT.glob("tinygan/**/*.py")]
    named = {(path.name, name) for path in texts for name in re.findall(r"\btinygan/[\w/]+\.py\b", path.read_text())}
    inside = {
        (path.name, f"tinygan/{name}")
        for path in [*ROOT.glob("tinygan/**/*.py"), ROOT / "CONTRIBUTING.md"]
        for name in re.findall(r"`((?:ops|nn|gan|run|text|networks|data|recipes)/[\w/]+\.py)`", path.read_text())
    }
    assert [pair for pair in sorted(named | inside) if not (ROOT / pair[1]).exists() and "MEDIUM" not in pair[1]] == []
    assert len(named) > 10 and len(inside) > 5
