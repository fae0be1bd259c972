"""A picture's style by statistics of features, for comparison with `cycle`: no game, no training, one picture at a time.

Gatys et al. 2016 say what a picture shows by its features, and how it is drawn by which features occur together (Gram
matrices). The pixels themselves are optimised, until the features are those of the one picture and the Gram matrices those
of the other. `benchmarks/tables/cycle.py` measures what it costs and scores.
"""

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.ops import matmul, mean, reshape, square, transpose
from tinygan.optim import Adam


def gram(features):
    """Return how much each two of C features (N, C, h, w) occur together: (N, C, C). Gatys et al. 2016, eq. 3."""
    flat = reshape(features, (*features.shape[:2], -1))
    return matmul(flat, transpose(flat, 1, 2)) / flat.shape[2]


def restyle(content, style, layers, *, weight=1.0, steps=200, learning_rate=0.05):
    """Return pictures with the content of `content` (N, C, h, w) in [-1, 1] in the style of `style`, as many: arrays.

    layers: Tensor -> list of feature maps (N, C, h, w), of which the last says the content. weight: of the style, beside
    the content. Gatys et al. 2016, eq. 7, by Adam from the content picture on.
    """
    with no_grad():
        wanted = layers(Tensor(content))[-1]
        grams = [gram(f) for f in layers(Tensor(style))]
    x = Tensor(content.copy(), requires_grad=True)
    optimizer = Adam([x], lr=learning_rate)
    for _ in range(steps):
        features = layers(x)
        loss = mean(square(features[-1] - wanted))
        for f, g in zip(features, grams):
            loss = loss + weight * mean(square(gram(f) - g))
        optimizer.step(grad(len(content) * loss, [x]))  # a picture's pixels move as if it were alone
        x.data = x.data.clip(-1, 1)
    return x.data
