"""The moves of the lab: each moves its verdicts the right way, and together they are the step of `tinygan train`."""

import numpy as np
import pytest

from tinygan.autodiff import Tensor
from tinygan.gan.objectives import OBJECTIVES
from tinygan.gan.penalties import PENALTIES
from tinygan.lab.plane import Plane, net_of_z
from tinygan.lab.writing import Writing

SMALL = {"hidden": 16, "d_hidden": 16, "batch_size": 32}
WRITING = {"hidden": 8, "batch_size": 8}
HELD = {"penalty": "wgan-gp", "gamma": 1e-3}  # every objective can be played with it, and it hardly counts


def verdicts(game, x):
    return float(game.game.D.module(Tensor(x)).data.mean())


def last_turn(game):
    """The samples of D's last turn."""
    real, fake = game.game.sample_turn(max(0, game.turn - 1))
    return real.x, fake.x.data


@pytest.mark.parametrize("make", [lambda: Plane(SMALL), lambda: Writing(WRITING)], ids=["plane", "digits"])
def test_d_parts_real_from_generated(make):
    game = make()
    real, fake = last_turn(game)
    before = verdicts(game, real), verdicts(game, fake)
    game.move("d")
    assert verdicts(game, real) - verdicts(game, fake) > before[0] - before[1]
    assert (game.turn, game.k) == (1, 0)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_move_lowers_the_loss_of_its_player(objective):
    game = Plane({**SMALL, **HELD, "objective": objective, "learning_rate": 1e-3})
    losses = []
    for _ in range(2):  # the samples stay the same: the loss before a move, then after it
        game.turn = 0
        game.move("d")
        losses.append(game.row["d_loss"])
    assert losses[1] < losses[0]
    losses = []
    for _ in range(2):
        game.move("g")
        losses.append(game.row["g_loss"])
    assert losses[1] < losses[0]


def test_g_moves_to_where_d_says_real():
    game = Plane({**SMALL, "objective": "non-saturating", "penalty": "none"})
    for _ in range(20):
        game.move("d")
    before = verdicts(game, last_turn(game)[1])
    game.move("g")
    assert verdicts(game, last_turn(game)[1]) > before


@pytest.mark.parametrize("player, still", [("d", "generator"), ("g", "discriminator")])
def test_the_other_player_stays(player, still):
    game = Plane(SMALL)
    before = [p.data.copy() for p in game.game.players[still].parameters]
    game.move(player)
    assert all((a == p.data).all() for a, p in zip(before, game.game.players[still].parameters))


@pytest.mark.parametrize("penalty", PENALTIES)
def test_steps_are_those_of_train(penalty):
    a, b = (Plane({**SMALL, "penalty": penalty, "n_critic": 2}) for _ in range(2))
    for k in range(3):
        a.step()
        row = b.game.step(k)
    assert a.row == {name: row[name] for name in a.row}
    for p, q in zip(a.game.players.values(), b.game.players.values()):
        assert all((x.data == y.data).all() for x, y in zip(p.parameters, q.parameters))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_arrows_show_where_the_loss_of_g_falls(objective):
    game = Plane({**SMALL, **HELD, "objective": objective})
    for _ in range(5):
        game.move("d")
    _, arrays = game.show()
    real, fake, pull = arrays["real"], arrays["fake"][: len(arrays["pull"])], arrays["pull"]
    D, of_g = game.game.D.module, OBJECTIVES[objective].generator
    loss = lambda x: float(of_g(D(Tensor(real[: len(x)])), D(Tensor(x))).data)
    step = 1e-2 / np.abs(pull).max()
    assert loss(fake + step * pull) < loss(fake) < loss(fake - step * pull)


def test_the_surface_is_what_d_says():
    game = Plane(SMALL)
    _, arrays = game.show()
    corner = verdicts(game, np.array([[1.5, -1.5]], "float32"))  # rows from below, columns from the left
    assert arrays["verdicts"][0, -1] == pytest.approx(corner, abs=1e-6)


@pytest.mark.parametrize("noise, shape", [(1, (1, 68, 2)), (2, (17, 17, 2)), (8, (17, 17, 2))])
def test_the_net_is_g_of_a_grid_of_z(noise, shape):
    game = Plane({**SMALL, "noise": noise})
    net = game.show()[1]["net"]
    z = net_of_z(noise)
    assert net.shape == shape and (z[:, 2:] == 0).all() and z[:, 0].min() == -z[:, 0].max()
    assert net.reshape(-1, 2)[3] == pytest.approx(game.game.G.module(Tensor(z)).data[3], abs=1e-6)


def test_states_are_those_that_the_rows_were_written_from():
    game = Writing(WRITING)
    _, arrays = game.show()
    writer = game.game.G.module
    row = np.tanh(arrays["states"][5, 3] @ writer.out.weight.data.T + writer.out.bias.data)
    assert arrays["pictures"][3, 5] == pytest.approx(row, abs=1e-5)


def test_a_game_that_is_no_longer_finite_stops_and_says_so():
    game = Plane({**SMALL, "objective": "f-kl", "penalty": "none", "learning_rate": 100.0})
    for _ in range(200):
        game.step()
        if game.stopped:
            break
    assert "finite" in game.stopped or "became" in game.stopped
    k = game.k
    game.step()
    assert game.k == k


def test_networks_go_on_under_other_settings_and_not_under_other_sizes():
    old = Plane(SMALL)
    old.step()
    new = Plane({**SMALL, "objective": "hinge", "learning_rate": 1e-2})
    assert new.go_on_from(old) and new.k == 1
    z = np.ones((1, 2), "float32")
    assert (new.game.G.module(Tensor(z)).data == old.game.G.module(Tensor(z)).data).all()
    assert new.game.G.optimizer.lr == 1e-2
    assert not Plane({**SMALL, "hidden": 17}).go_on_from(old)
