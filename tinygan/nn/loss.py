"""Losses as modules, with PyTorch's names: each is the function of `tinygan.losses` with its settings remembered.

`weight` and `pos_weight` are buffers: they move with `to`, and state_dict keeps them.
"""

from typing import Any

from tinygan import losses
from tinygan.autodiff import Tensor, TensorLike, raw
from tinygan.checks import check_number
from tinygan.nn.module import Module


class _Loss(Module):
    """reduction: "mean", "sum" or "none"."""

    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init__(self, *, reduction: str = "mean"):
        if reduction not in self.reductions:
            named = ", ".join(map(repr, self.reductions))
            raise ValueError(f"{type(self).__name__}: reduction is one of {named}, not {reduction!r}")
        self.reduction = reduction

    def _add_weights(self, **weights: Any) -> None:
        for name, weight in weights.items():
            self.register_buffer(name, raw(weight))

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


class MSELoss(_Loss):
    """(input - target)². See `losses.mse_loss`."""

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        """Two of one shape -> scalar, or each element's with reduction="none"."""
        return losses.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """|input - target|. See `losses.l1_loss`."""

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        """Two of one shape -> scalar, or each element's with reduction="none"."""
        return losses.l1_loss(input, target, self.reduction)


class SmoothL1Loss(_Loss):
    """Squares of differences below beta, absolute differences above. See `losses.smooth_l1_loss`."""

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0):
        super().__init__(reduction=reduction)
        check_number(self, "beta", beta)
        self.beta = beta

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        """Two of one shape -> scalar, or each element's with reduction="none"."""
        return losses.smooth_l1_loss(input, target, self.reduction, self.beta)


class BCELoss(_Loss):
    """Cross-entropy of probabilities and targets in [0, 1]. See `losses.binary_cross_entropy`."""

    weight: Any

    def __init__(self, weight: TensorLike | None = None, *, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self._add_weights(weight=weight)

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        """Two of one shape -> scalar, or each element's with reduction="none"."""
        return losses.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Cross-entropy of logits and targets in [0, 1]; D ends without Sigmoid.

    See `losses.binary_cross_entropy_with_logits`.
    """

    weight: Any
    pos_weight: Any

    def __init__(
        self, weight: TensorLike | None = None, *, reduction: str = "mean", pos_weight: TensorLike | None = None
    ):
        super().__init__(reduction=reduction)
        self._add_weights(weight=weight, pos_weight=pos_weight)

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        """Two of one shape -> scalar, or each element's with reduction="none"."""
        return losses.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class NLLLoss(_Loss):
    """-input[target] of log-probabilities, as LogSoftmax makes them. See `losses.nll_loss`."""

    weight: Any

    def __init__(self, weight: TensorLike | None = None, *, ignore_index: int = -100, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self._add_weights(weight=weight)
        self.ignore_index = ignore_index

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        """Log-probabilities (N, C, ...), classes (N, ...) -> scalar, or (N, ...) with reduction="none"."""
        return losses.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class CrossEntropyLoss(_Loss):
    """-log softmax(input)[target] of logits. See `losses.cross_entropy`."""

    weight: Any

    def __init__(
        self, weight: TensorLike | None = None, *, ignore_index: int = -100, reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):  # fmt: skip
        super().__init__(reduction=reduction)
        check_number(self, "label_smoothing", label_smoothing, 0, 1)
        self._add_weights(weight=weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        """Logits (N, C, ...), classes (N, ...) or probabilities (N, C, ...) -> scalar, or (N, ...) with "none"."""
        settings = self.weight, self.ignore_index, self.reduction, self.label_smoothing
        return losses.cross_entropy(input, target, *settings)


class KLDivLoss(_Loss):
    """target (log target - input) of log-probabilities; "batchmean" is KL as written in books. See `losses.kl_div`."""

    reductions = ("mean", "batchmean", "sum", "none")

    def __init__(self, *, reduction: str = "mean", log_target: bool = False):
        super().__init__(reduction=reduction)
        self.log_target = log_target

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        """Log-probabilities and probabilities of one shape -> scalar, or each element's with reduction="none"."""
        return losses.kl_div(input, target, self.reduction, self.log_target)
