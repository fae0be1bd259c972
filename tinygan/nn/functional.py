"""`import tinygan.nn.functional as F`: ops and losses under one name, for hands that know PyTorch.

Nothing lives here: the functions are in `tinygan.ops` and `tinygan.losses`, from where this library takes them.
"""

from typing import TYPE_CHECKING

from tinygan import remedies
from tinygan.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    l1_loss,
    linear_cross_entropy,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from tinygan.ops import *

if not TYPE_CHECKING:  # a type checker would take any name for one of these
    __getattr__ = remedies.absent(__name__)
