"""MNIST by a critic that measures an earth mover's distance, its slope held at 1: the players of `mnist` as WGAN-GP.

The critic has no batch norm, as its slope is penalised sample by sample. Gulrajani et al. 2017, algorithm 1. Theirs
has five turns to G's one, Adam with momentum and the weight 10; one turn, no momentum, the weight 1, and the penalty
in every fourth turn four times as strong, take G nine times as far in the same time. Data, pictures of your own and
scores are those of `mnist`. Seed 0, 11,000 steps, 9 CPU minutes: Frechet distance 6.1 where real pictures score 3.4
(benchmarks/results/e3.md). The paper's way:

    tinygan train wgan-gp --steps 1200 --set n_critic=5 --set learning_rate=1e-3 --set beta1=.5 --set beta2=.9
        --set ema=.99 --set gamma=10 --set penalty_every=1
"""

from tinygan.recipes.pictures import mnist
from tinygan.recipes.pictures.mnist import EVALUATED_SAMPLES, SAVED, draw, evaluate, make_game
from tinygan.run.settings import defaults

__all__ = ["EVALUATED_SAMPLES", "SAVED", "Settings", "draw", "evaluate", "make_game"]


@defaults(steps=11_000, objective="wasserstein", penalty="wgan-gp", gamma=1.0, penalty_every=4)
class Settings(mnist.Settings):
    """Settings of `wgan-gp`."""
