"""Is this gradient right? Finite differences against a hand-written backward pass, with an answer a learner can use.

    from tinygan.gradcheck import assert_gradients

    assert_gradients(ops.tanh, x)                                a function of Tensors
    assert_gradients(ops.tanh, x, order=2)                       ... and the gradient of its gradient
    assert_gradients(nn.Linear(3, 4), x)                         a Module: its input and its parameters
    assert_gradients((affine_forward, affine_backward), x, w, b) two plain NumPy functions, tinygan or not

    assert_gradients(layer, x)                                   an object with forward and backward, and its parameters

The two plain functions may be written in any of the ways that courses use:

    forward(x, w, b) -> out               backward(g, x, w, b)     -> dx, dw, db
    forward(x, w, b) -> (out, cache)      backward(g, cache)       -> dx, dw, db
    forward(x, w)    -> (h, c, cache)     backward(dh, dc, cache)  -> dx, dw       one g for each output
    layer.forward(x) -> out               layer.backward(g)        -> dx           the layer remembers what it needs

The parameters of an object are checked if it keeps them in a dictionary `parameters` and their gradients in `gradients`
under the same names, or in `params` and `grads`.

`g` is the gradient of a loss with respect to `out`: backward multiplies by it (the chain rule). One gradient may come
bare, several as a tuple in the order of the inputs; None, or no entry at all, stands for an input of integers.

`check.py` compares, `hints.py` guesses the mistake from the numbers, `subjects.py` and `handwritten.py` know what can be
checked, and `command.py` is `tinygan gradcheck FILE.py:NAME`.
"""

from tinygan.gradcheck.check import Finding, assert_gradients, check, gradcheck
from tinygan.gradcheck.command import check_file
from tinygan.gradcheck.inputs import GradientError

__all__ = ["Finding", "GradientError", "assert_gradients", "check", "check_file", "gradcheck"]
