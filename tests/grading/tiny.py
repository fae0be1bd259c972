"""A small assignment of two tasks, and what students make of it."""

from tinygan.grading.grade import grade_one
from tinygan.grading.run import Limits
from tinygan.grading.source import as_script, read_source, solved
from tinygan.grading.submission import Submission, read

TEXT = '''\
# %% [markdown]
# # Assignment 9 · Small
# Two tasks.

# %%
import numpy as np

from tinygan.gradcheck import assert_gradients

# %% [markdown]
# ## 9.1 Double (3 points)

# %% task=9.1
def double(x):
    """Return 2 x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% test=9.1a points=2
assert double(3) == 6, f"double(3) is 6, not {double(3)}"
### BEGIN HIDDEN TESTS
assert double(-1.5) == -3, "a secret: negative numbers are doubled too"
### END HIDDEN TESTS

# %% test=9.1b points=1
assert np.allclose(double(np.ones(2)), 2), "arrays are doubled too"
assert_gradients((double, lambda g, x: g * double(np.ones_like(x))), np.array([1.0, -2.0, 0.5]))

# %% task=9.2
def add(a, b):
    """Return a + b."""
    ### BEGIN SOLUTION
    return a + b
    ### END SOLUTION

# %% test=9.2a points=4
assert add(2, 3) == 5, "2 + 3 is 5"
'''


def write_tiny(folder):
    """Write the source to `folder` and return its path."""
    path = folder / "ps9_tiny.py"
    path.write_text(TEXT, encoding="utf-8")
    return path


def grade_text(folder, text, suffix=".py", **limits):
    """Return the Grade of a student's file with this text."""
    source = write_tiny(folder)
    path = folder / f"anna{suffix}"
    path.write_text(text, encoding="utf-8")
    submission = read(Submission("anna", path), "ps9")
    assert submission.readable, submission.remarks
    return grade_one(submission, read_source(source), Limits(**{"seconds": 2, **limits}))


def solution(folder, double="    return 2 * x\n", before="", after=""):
    """Return the solved script, with another body of `double`, and own cells before task 9.1 and at the end."""
    text = as_script(solved(read_source(write_tiny(folder)))).replace("    return 2 * x\n", double)
    if before:
        text = text.replace("# %% [markdown]\n# ## 9.1", f"# %%\n{before}\n# %% [markdown]\n# ## 9.1")
    return text + (f"\n# %%\n{after}\n" if after else "")
