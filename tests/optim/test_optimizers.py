"""Optimisers and clipping: PyTorch's numbers, exact resume, nothing written where a graph may look."""

import inspect
import math
import signal
import threading

import numpy as np
import pytest
from gpu import on_gpu
from optim_problem import GOLDEN, OPTIMISERS, flat, gradients, made, problem
from safetensors.numpy import load, save

import tinygan.optim as optim
from tinygan import Tensor, grad
from tinygan.backend import stream
from tinygan.nn import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, Parameter, Sequential, spectral_norm
from tinygan.optim import EMA, SGD, Adam, AdamW, RMSprop, clip_grad_norm, clip_grad_value, clip_gradients
from tinygan.optim.optimizers import Flat

# --- PyTorch's numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-6)])
@pytest.mark.parametrize("expression", OPTIMISERS)
def test_trajectory_is_torchs(expression, dtype, tolerance):
    params = problem(dtype)
    optimizer = made(expression, params=params)
    for k, expected in enumerate(GOLDEN["paths"][OPTIMISERS.index(expression)]):
        optimizer.step(gradients(params, k))
        assert params[0].dtype == params[1].dtype == dtype
        np.testing.assert_allclose(flat(params), expected, rtol=tolerance, atol=tolerance)


DEFAULTS = {  # of torch.optim, and of torch.nn.utils.clip_grad_norm_
    SGD: {"lr": 1e-3, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False},
    Adam: {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0},
    AdamW: {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
    RMSprop: {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0, "centered": False},
    clip_grad_norm: {"norm_type": 2.0},
    clip_gradients: {"norm_type": 2.0},
}


@pytest.mark.parametrize("function", DEFAULTS, ids=lambda function: function.__name__)
def test_defaults_are_torchs(function):
    parameters = inspect.signature(function).parameters.values()
    assert {p.name: p.default for p in parameters if p.default is not p.empty} == DEFAULTS[function]


# --- every term moves the weight its way -----------------------------------------------------------------------


def path(expression, *slopes, start=1.0):
    """The weights after each step with these gradients, from `start`."""
    w = Parameter(np.array([start]))
    optimizer, weights = made(expression, params=[w]), []
    for slope in slopes:
        optimizer.step([np.array([slope])])
        weights.append(w.data.item())
    return weights


ALL = ["SGD(params, lr=.1", "Adam(params, lr=.1", "AdamW(params, lr=.1", "RMSprop(params, lr=.1"]


@pytest.mark.parametrize("expression", ALL)
def test_a_weight_goes_down_the_slope(expression):
    assert path(expression + ")", 0.3)[0] < 1 < path(expression + ")", -0.3)[0]


@pytest.mark.parametrize("expression", ALL)
def test_weight_decay_shrinks_a_weight_of_either_sign(expression):
    for start in (1.0, -1.0):
        (plain,), (decayed,) = (path(f"{expression}, weight_decay={d})", 1e-9, start=start) for d in (0, 0.5))
        assert abs(decayed) < abs(plain) - 0.01 and decayed * start > 0


@pytest.mark.parametrize("expression", ALL)
def test_a_step_grows_with_the_learning_rate(expression):
    assert path(expression.replace(".1", ".2") + ")", 0.3)[0] < path(expression + ")", 0.3)[0]


def test_momentum_goes_on_where_the_slope_ends_and_dampening_less_so():
    plain, momentum, dampened = (
        path(f"SGD(params, lr=.1{s})", 1, 1, 0) for s in ("", ", momentum=.9", ", momentum=.9, dampening=.5")
    )
    assert plain[2] == plain[1] and momentum[2] < momentum[1]
    assert momentum[0] == dampened[0] and momentum[1] < dampened[1]
    rms, rms_momentum = (path(f"RMSprop(params, lr=.1{s})", 1, 0) for s in ("", ", momentum=.9"))
    assert rms[1] == rms[0] and rms_momentum[1] < rms_momentum[0]


def test_nesterov_looks_ahead():
    plain, ahead = (path(f"SGD(params, lr=.1, momentum=.9{s})", 1, 1, -1) for s in ("", ", nesterov=True"))
    assert ahead[0] < plain[0] and ahead[1] < plain[1]
    assert plain[2] < plain[1] and ahead[2] - ahead[1] > plain[2] - plain[1]  # it brakes sooner


def test_adams_step_is_as_long_for_a_slope_of_any_size():
    for slope in (1e-3, 1.0, 1e3):
        np.testing.assert_allclose(path("Adam(params, lr=.1)", slope, slope), [0.9, 0.8], rtol=1e-4)
    assert path("Adam(params, lr=.1, eps=1.0)", 1e-3)[0] > 0.999  # eps is what a slope must exceed


def test_adams_betas_remember():
    short, long = (path(f"Adam(params, lr=.1, betas=({beta}, .99))", 1, -1) for beta in (0.0, 0.9))
    assert short[1] > short[0] and long[1] - long[0] < short[1] - short[0]
    short, long = (path(f"Adam(params, lr=.1, betas=(0, {beta}))", 100, 1) for beta in (0.1, 0.99))
    assert long[0] - long[1] < short[0] - short[1]  # a steep slope is long held against the next


def test_a_centred_rmsprop_is_bolder_on_a_steady_slope():
    plain, centred = (path(f"RMSprop(params, lr=.1, alpha=.9{s})", *[1.0] * 20) for s in ("", ", centered=True"))
    assert centred[-1] < plain[-1]


# --- what a step does and does not touch -----------------------------------------------------------------------


@pytest.mark.parametrize("expression", OPTIMISERS)
def test_old_arrays_are_left_alone(expression):
    params = problem()
    optimizer = made(expression, params=params)
    for k in range(3):
        before = [p.data for p in params]
        kept = [array.copy() for array in before]
        g = gradients(params, k)
        given = [x.copy() for x in g]
        optimizer.step(g)
        for array, copy in zip(before + g, kept + given):
            np.testing.assert_array_equal(array, copy)
        assert not any(np.shares_memory(p.data, x) for p in params for x in before + g)


def test_a_recorded_graph_notices_the_step():
    w = Parameter(np.ones(3, "float32"))
    loss = (w * w).sum()
    SGD([w], lr=0.1).step(grad(loss, w))
    with pytest.raises(RuntimeError, match="changed after"):
        grad(loss, w)


def test_parameters_are_views_of_one_array():
    params = problem()
    optimizer = Adam(params)
    optimizer.step(gradients(params, 0))
    assert params[0].data.base is params[1].data.base
    assert params[0].data.shape == (2, 3)


@pytest.mark.parametrize("expression", ["SGD(params, lr=0.05, momentum=0.9)", "Adam(params, lr=0.05)"])
def test_replaced_data_is_taken_up(expression):
    first, second = problem(), problem()
    one, two = made(expression, params=first), made(expression, params=second)
    for k in range(4):
        if k == 2:
            for params in (first, second):
                params[1].data = params[1].data * 0.5 + 1
            for p in second:  # the same values in arrays that belong to nobody
                p.data = p.data.copy()
        one.step(gradients(first, k))
        two.step(gradients(second, k))
    np.testing.assert_array_equal(flat(first), flat(second))


def test_channels_last_weights_stay_so():
    net = Conv2d(3, 4, 3, rng=0)
    plain = [Parameter(p.data.copy(order="C")) for p in net.parameters()]
    strides = net.weight.data.strides
    assert strides[1] == 4  # channels are neighbours in memory
    g = [np.random.default_rng(i).normal(size=p.shape).astype("float32") for i, p in enumerate(plain)]
    for params in (net.parameters(), plain):
        optimizer = Adam(params, lr=0.1)
        optimizer.step(g)
        optimizer.step(g)
    assert net.weight.data.strides == strides
    for p, q in zip(net.parameters(), plain):
        np.testing.assert_array_equal(p.data, q.data)


def test_saved_averages_do_not_depend_on_the_layout_in_memory():
    net = Conv2d(3, 4, 3, rng=0)
    plain = [Parameter(p.data.copy(order="C")) for p in net.parameters()]
    g = [np.random.default_rng(i).normal(size=p.shape).astype("float32") for i, p in enumerate(plain)]
    one, two, three = Adam(net.parameters()), Adam(plain), Adam(plain)
    one.step(g)
    two.step(g)
    for name, array in one.state_dict().items():
        np.testing.assert_array_equal(array, two.state_dict()[name])
    three.load_state_dict(one.state_dict())
    for name, array in two.state.items():
        np.testing.assert_array_equal(array, three.state[name])


def test_backward_form():
    params, others = problem(), problem()
    one, two = Adam(params), Adam(others)
    for k in range(3):
        for p, g in zip(params, gradients(params, k)):
            p.grad = g
        one.step()
        two.step(gradients(others, k))
    np.testing.assert_array_equal(flat(params), flat(others))
    one.zero_grad()
    assert all(p.grad is None for p in params)
    params[0].grad = np.ones((2, 3))
    before = params[1].data.copy()
    SGD(params, lr=1.0).step()  # no gradient is a gradient of 0
    np.testing.assert_array_equal(params[1].data, before)


def test_gradients_may_be_tensors_or_of_another_precision():
    params = problem("float32")
    Adam(params, lr=0.1).step([Tensor(g) for g in gradients(params, 0)])
    assert {p.dtype.name for p in params} == {"float32"}


def test_averages_follow_parameters_to_another_precision():
    params = problem("float32")
    optimizer = Adam(params)
    optimizer.step(gradients(params, 0))
    for p in params:
        p.data = p.data.astype("float64")
    optimizer.step(gradients(params, 1))
    assert {array.dtype.name for array in optimizer.state.values()} == {"float64"}
    assert {p.dtype.name for p in params} == {"float64"}


@pytest.mark.parametrize("kind", [SGD, RMSprop])
def test_an_average_that_is_not_used_takes_no_memory(kind):
    assert "momentum_buffer" not in kind(problem()).state_dict()
    assert "momentum_buffer" in kind(problem(), momentum=0.5).state_dict()


def test_a_learning_rate_from_numpy_does_not_change_the_type():
    params = problem("float32")
    for optimizer in (SGD(params, lr=np.float64(0.1)), Adam(params, betas=np.array([0.5, 0.9]))):
        optimizer.lr = np.float64(0.01)
        optimizer.step(gradients(params, 0))
        assert params[0].dtype == "float32"


# --- refusals --------------------------------------------------------------------------------------------------


def read_before(parameters):
    """A generator that gave all it has."""
    list(parameters)
    return parameters


def with_gradients(last=1.0):
    """Two parameters that have a `.grad`."""
    params = problem()
    for p, g in zip(params, (np.zeros((2, 3)), np.array([3.0, 0.0, last]))):
        p.grad = g
    return params


REFUSED = {
    "no parameters": (lambda: Adam([]), ValueError, "Adam got no parameters"),
    "an array": (lambda: Adam([np.ones(3)]), TypeError, "parameter 0 must be"),
    "no layers": (lambda: Adam(Sequential().parameters()), ValueError, r"the module has none.*module.parameters\(\)"),
    "read before": (lambda: Adam(read_before(p for p in problem())), ValueError, "a generator that was read before"),
    "a module": (
        lambda: Adam(Linear(1, 1)),
        TypeError,
        r"Adam got a Linear, not its parameters.*module.parameters\(\)",
    ),
    "modules": (lambda: Adam([Linear(1, 1)]), TypeError, r"got a Linear; pass module.parameters\(\)"),
    "not called": (lambda: SGD(Linear(1, 1).parameters), TypeError, r"call it, module.parameters\(\)"),
    "one Tensor": (lambda: SGD(Parameter(np.ones(3))), TypeError, r"shape \(3,\): put it in a list"),
    "names": (lambda: SGD(Linear(1, 1).named_parameters()), TypeError, r"got a tuple; pass parameters\(\), not named"),
    "a dict": (lambda: SGD(dict(Linear(1, 1).named_parameters())), TypeError, "got a dict: pass its values"),
    "computed": (
        lambda: SGD([Parameter(np.ones(3)) * 2]),
        TypeError,
        r"computed Tensor of shape \(3,\); pass the leaf",
    ),
    "frozen": (
        lambda: Adam([Parameter(np.ones(3), requires_grad=False)]),
        ValueError,
        r"shape \(3,\): call requires_grad_",
    ),
    "twice": (lambda: Adam([p := Parameter(np.ones(3)), p]), ValueError, r"parameter 1 of shape \(3,\).*fromkeys"),
    "twice in groups": (
        lambda: Adam([{"params": [p := Parameter(np.ones(3))]}, {"params": [p]}]),
        ValueError,
        "given twice",
    ),
    "a group without params": (
        lambda: Adam([{"lr": 0.1}]),
        ValueError,
        "a group is a dict of params and any of lr, betas",
    ),
    "a group's unknown setting": (
        lambda: Adam([{"params": problem(), "rate": 1}]),
        ValueError,
        "got the keys params, rate",
    ),
    "a group's bad rate": (lambda: Adam([{"params": problem(), "lr": -1}]), ValueError, "lr must be a finite number"),
    "a group of a module": (lambda: Adam([{"params": Linear(1, 1)}]), TypeError, "not its parameters"),
    "groups and parameters": (lambda: Adam([{"params": problem()}, Parameter([1.0])]), ValueError, "got a Parameter"),
    "learning_rate": (
        lambda: Adam(problem(), learning_rate=1),
        TypeError,
        "Adam: learning_rate= is called lr= here",
    ),
    "wd": (lambda: AdamW(problem(), wd=1), TypeError, "AdamW: wd= is called weight_decay= here"),
    "beta1": (lambda: Adam(problem(), beta1=0.5), TypeError, "beta1= is called betas= here"),
    "amsgrad": (
        lambda: Adam(problem(), amsgrad=True),
        TypeError,
        "Adam has no amsgrad=: leave it out",
    ),
    "a rate in words": (lambda: Adam(problem(), lr="0.1"), ValueError, "lr must be a finite number of at least 0, got '0.1'"),
    "a true rate": (lambda: Adam(problem(), lr=True), ValueError, "lr must be a finite number of at least 0"),
    "no rate": (lambda: Adam(problem(), lr=None), ValueError, "lr must be a finite number of at least 0"),
    "one beta": (lambda: Adam(problem(), betas=0.5), ValueError, "betas are two numbers, got 0.5"),
    "a state of minus one step": (
        lambda: SGD(problem()).load_state_dict({"step": np.array(-1), "lr": np.array(0.1)}), ValueError, "step has numbers"
    ),
    "a state of no rate": (
        lambda: SGD(problem()).load_state_dict({"step": np.array(1), "lr": np.array(math.nan)}), ValueError, "lr has numbers"
    ),
    "three betas": (lambda: Adam(problem(), betas=(0.9, 0.9, 0.9)), ValueError, "betas are two numbers"),
    "a rate that is nan": (lambda: setattr(Adam(problem()), "lr", math.nan), ValueError, "lr must be a finite number"),
    "one rate for two groups": (
        lambda: setattr(Adam([{"params": [p]} for p in problem()]), "lr", 0.1),
        ValueError,
        "a rate for each, or one group's",
    ),
    "the loss": (lambda: Adam(problem()).step(Parameter([1.0]).sum()), TypeError, r"step\(grad\(loss, params\)\)"),
    "a closure": (lambda: Adam(problem()).step(lambda: 0), TypeError, "got <function .*; a loss is minimised"),
    "one gradient": (lambda: Adam(problem()).step(np.ones(3)), TypeError, r"one ndarray of shape \(3,\)"),
    "EMA of a list": (lambda: EMA(problem()), TypeError, "takes a module, not its parameters: got a list"),
    "EMA that stays": (lambda: EMA(Linear(1, 1), decay=1), ValueError, "decay must be a finite number of .* below 1"),
    "StepLR of 0": (
        lambda: optim.StepLR(Adam(problem()), 0),
        ValueError,
        "step_size is a number of steps above 0, got 0",
    ),
    "LinearLR of 0": (lambda: optim.LinearLR(Adam(problem()), total_iters=0), ValueError, "total_iters"),
    "CosineAnnealingLR of 0": (lambda: optim.CosineAnnealingLR(Adam(problem()), 0), ValueError, "T_max"),
    "WarmupLR of 0": (lambda: optim.WarmupLR(Adam(problem()), 0), ValueError, "warmup_steps"),
    "ExponentialLR, nan": (lambda: optim.ExponentialLR(Adam(problem()), math.nan), ValueError, "gamma"),
    "StepLR, negative": (lambda: optim.StepLR(Adam(problem()), 1, gamma=-0.1), ValueError, "gamma"),
    "a schedule of parameters": (lambda: optim.StepLR(problem(), 1), TypeError, "takes an optimiser first, got a list"),
    "clip of arrays": (lambda: clip_grad_norm([np.ones(3)], 1.0), TypeError, "ndarray.*write clip_gradients"),
    "clip of gradient Tensors": (lambda: clip_grad_norm([Tensor(np.ones(3))], 1.0), TypeError, "write clip_gradients"),
    "clip of a module": (lambda: clip_grad_norm(Linear(1, 1), 1.0), TypeError, r"pass module.parameters\(\)"),
    "clip of a function": (
        lambda: clip_grad_norm(Linear(1, 1).parameters, 1.0),
        TypeError,
        r"pass module.parameters\(\)",
    ),
    "clip values of arrays": (
        lambda: clip_grad_value([np.ones(3)], 1.0),
        TypeError,
        r"\[g.clip\(-value, value\) for g",
    ),
    "clip gradients of parameters": (lambda: clip_gradients(problem(), 1.0), TypeError, "clip_grad_norm"),
    "clip below 0": (lambda: clip_grad_norm(with_gradients(), -1.0), ValueError, "max_norm must not be negative"),
    "clip to nan": (lambda: clip_gradients([np.ones(3)], math.nan), ValueError, "max_norm must not be negative"),
    "clip values below 0": (lambda: clip_grad_value(with_gradients(), -1.0), ValueError, "must not be negative"),
    "norm of power 0": (lambda: clip_gradients([np.ones(3)], 1.0, 0), ValueError, "norm_type is a power above 0"),
    "clip nan": (
        lambda: clip_grad_norm(with_gradients(math.nan), 1.0),
        FloatingPointError,
        r"gradient 1 \(3,\) is not finite",
    ),
    "clip inf": (lambda: clip_gradients([np.array([math.inf])], 1.0), FloatingPointError, "nothing was clipped"),
    "lr_scheduler": (lambda: optim.lr_scheduler, AttributeError, "schedules stand in tinygan.optim itself"),
    "Adagrad": (lambda: optim.Adagrad, AttributeError, "has no Adagrad; write instead: RMSprop"),
    "betas": (lambda: Adam(problem()).betas, AttributeError, r"it is param_groups\[0\]\['betas'\]"),
    "add_param_group": (lambda: Adam(problem()).add_param_group, AttributeError, "give all groups to the constructor"),
    "get_last_lr": (
        lambda: optim.StepLR(Adam(problem()), 3).get_last_lr(), AttributeError, "write instead: optimizer.lr"
    ),
    "EMA of another": (lambda: EMA(Linear(1, 1)).update(Linear(2, 2)), ValueError, "Linear has other parameters than the"),
    "EMA of more": (lambda: EMA(Linear(1, 1)).update(Sequential(Linear(1, 1), Linear(1, 1))), ValueError, "other parameters"),
    "Adm": (lambda: optim.Adm, AttributeError, "did you mean Adam"),
    "two types": (
        lambda: SGD([Parameter(np.ones(3)), Parameter(np.ones(3, "f"))]),
        ValueError,
        "float32 on cpu and float64",
    ),
    "negative lr": (lambda: Adam(problem(), lr=-1), ValueError, "lr must be a finite number of at least 0"),
    "beta 1": (lambda: Adam(problem(), betas=(0.9, 1.0)), ValueError, r"betas\[1\]"),
    "alpha 1": (lambda: RMSprop(problem(), alpha=1.0), ValueError, "alpha must be a finite number of at least 0 and below 1"),
    "nesterov": (lambda: SGD(problem(), lr=0.1, nesterov=True), ValueError, "nesterov"),
    "no gradients": (lambda: Adam(problem()).step(), ValueError, "no parameter has a .grad"),
    "too few": (lambda: Adam(problem()).step([np.ones((2, 3))]), ValueError, r"shapes \[\(2, 3\)\]"),
    "wrong shape": (lambda: Adam(problem()).step([np.ones((3, 2)), np.ones(3)]), ValueError, r"\(3, 2\)"),
    "decay": (lambda: EMA(Linear(1, 1), decay=1.5), ValueError, "at least 0 and below 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_changes_nothing(bad):
    params = problem()
    optimizer = Adam(params)
    optimizer.step(gradients(params, 0))
    before, state = flat(params), optimizer.state_dict()
    g = gradients(params, 1)
    g[1][2] = bad
    with pytest.raises(FloatingPointError, match=r"parameter 1 \(3,\) is not finite; nothing was updated"):
        optimizer.step(g)
    np.testing.assert_array_equal(flat(params), before)
    for name, array in optimizer.state_dict().items():
        np.testing.assert_array_equal(array, state[name])


# --- resuming --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", OPTIMISERS)
def test_resume_is_bit_for_bit(expression):
    params = problem("float32")
    optimizer = made(expression, params=params)
    for k in range(20):
        if k == 7:
            optimizer.lr = 0.003
        if k == 10:
            saved, weights = optimizer.state_dict(), [p.data.copy() for p in params]
        optimizer.step(gradients(params, k))
    resumed = [Parameter(w) for w in weights]
    optimizer = made(expression, params=resumed)
    assert all(isinstance(array, np.ndarray) for array in saved.values())
    optimizer.load_state_dict(saved)
    for k in range(10, 20):
        optimizer.step(gradients(resumed, k))
    np.testing.assert_array_equal(flat(resumed), flat(params))


def test_a_saved_state_is_a_snapshot():
    params = problem()
    optimizer = Adam(params)
    optimizer.step(gradients(params, 0))
    saved = optimizer.state_dict()
    kept = {name: array.copy() for name, array in saved.items()}
    optimizer.load_state_dict(saved)
    optimizer.step(gradients(params, 1))
    for name, array in saved.items():
        np.testing.assert_array_equal(array, kept[name])


def test_a_state_of_another_optimiser_is_refused():
    state = Adam(problem()).state_dict()
    with pytest.raises(ValueError, match="SGD.load_state_dict: expected"):
        SGD(problem(), lr=0.1).load_state_dict(state)
    with pytest.raises(ValueError, match=r"square_sum has shape \(9,\), the parameters together \(3,\)|gradient_sum"):
        Adam([Parameter(np.ones(3))]).load_state_dict(state)


def test_a_whole_network_resumes_bit_for_bit_through_a_file():
    """Running statistics, power iteration, dropout, schedule, clipping and EMA: all that a run carries from step to step."""

    def run(begin, end, file=None):
        rng = stream(0, "init")
        net = Sequential(
            Conv2d(3, 8, 4, 2, 1, rng=rng), BatchNorm2d(8), Dropout(0.3), Flatten(),
            spectral_norm(Linear(128, 1, rng=rng), rng=rng),
        )  # fmt: skip
        optimizer, average = Adam(net.parameters(), betas=(0, 0.99)), EMA(net, 0.9)
        schedule, parts = optim.CosineAnnealingLR(optimizer, 12), {"net": net, "adam": optimizer, "average": average}
        if file:
            arrays = load(file)
            for name, part in parts.items():
                mine = {k: a for k, a in arrays.items() if k.startswith(f"{name}.")}
                part.load_state_dict({k.removeprefix(f"{name}."): a for k, a in mine.items()})
        for k in range(begin, end):
            net.reseed(stream(0, "dropout", k))
            optimizer.lr = schedule(k)
            x = stream(0, "data", k).standard_normal((4, 3, 8, 8), dtype="float32")
            grads, _ = clip_gradients(grad((net(x) ** 2).mean(), net.parameters()), 1.0)
            optimizer.step(grads)
            average.update(net)
        return save({f"{name}.{k}": a for name, part in parts.items() for k, a in part.state_dict().items()})

    unbroken, resumed = load(run(0, 12)), load(run(5, 12, run(0, 5)))
    assert unbroken.keys() == resumed.keys() and len(unbroken) > 20
    for key, array in unbroken.items():
        np.testing.assert_array_equal(array, resumed[key], err_msg=key)


# --- groups ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop])
def test_groups_move_as_optimisers_of_their_own(kind):
    """With a rate and a decay each; also through a schedule, state_dict and a step of one group alone."""
    together, apart = problem(), problem()
    groups = [{"params": together[:1], "lr": 0.05}, {"params": iter(together[1:]), "weight_decay": 0.2}]
    one = kind(groups, lr=0.01, weight_decay=0.1)
    two = [kind(apart[:1], lr=0.05, weight_decay=0.1), kind(apart[1:], lr=0.01, weight_decay=0.2)]
    schedules = [optim.ExponentialLR(optimizer, 0.9) for optimizer in (one, *two)]
    assert one.lr == (0.05, 0.01) and schedules[0](1) == (0.05 * 0.9, 0.01 * 0.9)
    for k in range(4):
        g = gradients(together, k)
        one.step(g)
        for optimizer, gradient in zip(two, g):
            optimizer.step([gradient])
        for schedule in schedules:
            schedule.step()
        if k == 1:
            saved = one.state_dict()
            assert saved["lr"].shape == (2,)
            one = kind([{"params": [p], "weight_decay": w} for p, w in zip(together, (0.1, 0.2))])
            one.load_state_dict(load(save(saved)))
            assert one.lr == tuple(saved["lr"])
            state = schedules[0].state_dict()
            schedules[0] = optim.ExponentialLR(one, 0.9)
            schedules[0].load_state_dict(load(save(state)))
        np.testing.assert_allclose(flat(together), flat(apart), rtol=1e-12)
    assert one.lr == pytest.approx((0.05 * 0.9**4, 0.01 * 0.9**4))
    one.param_groups[0]["lr"] = 0.0
    before = together[0].data.copy()
    one.step(gradients(together, 5))
    np.testing.assert_array_equal(together[0].data, before)
    one.param_groups[1]["lr"] = math.nan
    with pytest.raises(ValueError, match="lr must be a finite number of at least 0"):
        one.step(gradients(together, 6))
    with pytest.raises(ValueError, match="2 learning rates for 1 groups"):
        kind(problem()).load_state_dict(saved)


def test_a_state_from_before_there_were_groups_loads():
    optimizer = Adam(problem())
    old = {"step": np.array(3), "lr": np.array(0.002), "gradient_sum": np.ones(9), "square_sum": np.ones(9)}
    optimizer.load_state_dict(old)
    assert optimizer.lr == 0.002 and optimizer.step_count == 3
    assert {k: (a.shape, a.dtype) for k, a in optimizer.state_dict().items()} == {
        k: (a.shape, a.dtype) for k, a in old.items()
    }


def test_momentum_of_one_group_alone():
    params, others = problem(), problem()
    mixed = SGD([{"params": params[:1], "momentum": 0.9}, {"params": params[1:]}], lr=0.1)
    apart = SGD(others[:1], lr=0.1, momentum=0.9), SGD(others[1:], lr=0.1)
    for k in range(3):
        g = gradients(params, k)
        mixed.step(g)
        for optimizer, gradient in zip(apart, g):
            optimizer.step([gradient])
    np.testing.assert_allclose(flat(params), flat(others), rtol=1e-12)


# --- frozen parameters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", OPTIMISERS)
def test_a_frozen_parameter_is_skipped_until_it_is_trained(expression):
    """Neither decay nor momentum moves it; nothing that it would have been moved by is remembered."""
    params, alone = problem(), problem()[1:]
    optimizer, other = made(expression, params=params), made(expression, params=alone)
    params[0].requires_grad_(False)
    frozen = params[0].data.copy()
    for k in range(3):
        g = gradients(params, k)
        other.step(g[1:])
        optimizer.step([g[0] * math.nan, g[1]] if k else g[1:])  # its gradient may be there, or be left out
        np.testing.assert_array_equal(params[0].data, frozen)
        np.testing.assert_array_equal(params[1].data, alone[0].data)
    for array in optimizer.state.values():
        assert not array[:6].any() and array[6:].any()
    params[0].requires_grad_()
    optimizer.step([np.ones((2, 3)), np.ones(3)])
    assert (params[0].data != frozen).all()


def test_the_last_layer_is_fine_tuned_in_five_lines():
    net, x, target = Sequential(Linear(2, 8, rng=0), Linear(8, 1)), np.ones((4, 2), "float32"), 3.0
    before = net.state_dict()

    net.requires_grad_(False)
    net[1] = Linear(8, 1, rng=1)
    optimizer = Adam(net.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = ((net(x) - target) ** 2).mean()
        loss.backward()
        optimizer.step()

    assert loss.item() < 0.01
    optimizer.step(grad(((net(x) - target) ** 2).mean(), net.parameters()))  # the plain form: zeros for what is frozen
    for key, array in net.state_dict().items():
        assert (array == before[key]).all() == key.startswith("0."), key


# --- clipping --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm_type, norm", [(2.0, 5.0), (1.0, 7.0), (3.0, 91 ** (1 / 3)), (math.inf, 4.0)])
def test_clip_gradients(norm_type, norm):
    grads = (np.array([[3.0, 0.0]], "float32"), np.array([-4.0], "float32"))
    clipped, found = clip_gradients(grads, 1.0, norm_type)
    assert found == pytest.approx(norm)
    np.testing.assert_allclose(np.concatenate([g.ravel() for g in clipped]), np.array([3, 0, -4]) / norm, rtol=1e-5)
    assert {g.dtype.name for g in clipped} == {"float32"} and grads[1][0] == -4  # nothing in place
    same, _ = clip_gradients(grads, 10.0, norm_type)
    np.testing.assert_array_equal(same[1], grads[1])
    params = [Parameter(np.ones((1, 2), "float32")), Parameter(np.ones(1, "float32")), Parameter(np.ones(3, "float32"))]
    for p, g in zip(params, grads):
        p.grad = g
    assert clip_grad_norm((p for p in params), 1.0, norm_type) == pytest.approx(norm)
    for p, g in zip(params, clipped):
        np.testing.assert_array_equal(p.grad, g)
    assert params[2].grad is None and (params[0].data == 1).all()


def test_a_clipped_step_is_shorter():
    """Between backward() and step(), as in PyTorch: the weight moves by lr times the largest norm."""
    w = Parameter(np.array([3.0]))
    optimizer = SGD([w], lr=0.1)
    (w * w).sum().backward()
    assert clip_grad_norm(optimizer.params, 1.0) == 6
    optimizer.step()
    assert w.data.item() == pytest.approx(2.9)


def test_clip_of_nothing():
    assert clip_grad_norm([], 1.0) == 0 == clip_grad_norm(problem(), 1.0) and clip_gradients([], 1.0) == ((), 0.0)
    clip_grad_value([], 1.0)


def test_clip_gradients_that_are_tiny_divides_by_no_zero():
    (clipped,), norm = clip_gradients([np.zeros(2)], 1.0)
    assert norm == 0 and not clipped.any()
    (clipped,), _ = clip_gradients([np.array([1e-6])], 1e-6)
    np.testing.assert_allclose(clipped, [0.5e-6])  # torch's max_norm / (norm + 1e-6)
    (clipped,), norm = clip_gradients([np.array([-9.0, 1.0])], 3.0, math.inf)
    assert norm == 9
    np.testing.assert_allclose(clipped, [-3, 1 / 3], rtol=1e-6)


def test_clip_gradients_whose_squares_overflow():
    (clipped,), norm = clip_gradients([np.array([3e30, -4e30], "float32")], 1.0)
    assert norm == pytest.approx(5e30) and clipped.dtype == "float32"
    np.testing.assert_allclose(clipped, [0.6, -0.8], rtol=1e-6)


def test_clip_grad_value():
    params = with_gradients(-0.5)
    params[0].grad = None
    clip_grad_value(params, 1.0)
    assert params[0].grad is None and params[1].grad.tolist() == [1.0, 0.0, -0.5]


# --- Ctrl-C --------------------------------------------------------------------------------------------------------


def press_ctrl_c_in(monkeypatch, owner, name):
    """Let Ctrl-C be pressed when the method begins and when it ends."""
    original = getattr(owner, name)

    def pressed(*args):
        signal.raise_signal(signal.SIGINT)
        result = original(*args)
        signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(owner, name, pressed)


@pytest.mark.parametrize("place", [(Adam, "_update"), (Flat, "write"), (Flat, "split")], ids=str)
def test_ctrl_c_waits_for_the_end_of_a_step(place, monkeypatch):
    """All weights have moved, and Adam's averages with them: the next step is as if nothing had been pressed."""
    params, undisturbed = problem("float64"), problem("float64")
    optimizer, other = Adam(params), Adam(undisturbed)
    with monkeypatch.context() as patch:
        press_ctrl_c_in(patch, *place)
        with pytest.raises(KeyboardInterrupt):
            optimizer.step(gradients(params, 0))
    other.step(gradients(undisturbed, 0))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    np.testing.assert_array_equal(flat(params), flat(undisturbed))
    optimizer.step(gradients(params, 1))
    other.step(gradients(undisturbed, 1))
    np.testing.assert_array_equal(flat(params), flat(undisturbed))


def test_ctrl_c_waits_for_the_end_of_an_averages_update(monkeypatch):
    net = Sequential(Linear(2, 3), BatchNorm2d(3))
    average = EMA(net, 0.5)
    for p in net.parameters():
        p.data = p.data + 2
    net[1].running_mean = net[1].running_mean + 2
    press_ctrl_c_in(monkeypatch, Flat, "write")
    with pytest.raises(KeyboardInterrupt):
        average.update(net)
    np.testing.assert_array_equal(average.module[1].running_mean, net[1].running_mean)


def test_a_step_in_another_thread_leaves_signals_alone():
    params = problem("float64")
    thread = threading.Thread(target=lambda: Adam(params).step(gradients(params, 0)))
    before = flat(params)
    thread.start()
    thread.join()
    assert (flat(params) != before).any()


# --- the other array library -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop])
def test_on_a_gpu(kind):
    settings = {"weight_decay": 0.1} | ({"momentum": 0.9} if kind in (SGD, RMSprop) else {})
    params, twins = problem("float32"), problem("float32")
    for p in twins:
        p.data = on_gpu(p.data)
    one, two = kind(params, lr=0.1, **settings), kind(twins, lr=0.1, **settings)
    for k in range(3):
        g = [x.astype("float32") for x in gradients(params, k)]
        clipped, norm = clip_gradients(g, 1.0)
        clipped_there, norm_there = clip_gradients([on_gpu(x) for x in g], 1.0)
        assert float(norm) == pytest.approx(float(norm_there))
        one.step(clipped)
        two.step(clipped_there)
    for p, q in zip(params, twins):
        np.testing.assert_allclose(p.data, q.data.get(), rtol=1e-5)
    assert all(isinstance(array, np.ndarray) for array in two.state_dict().values())
    two.load_state_dict(one.state_dict())
    for p, x in zip(twins, g):
        p.grad = on_gpu(x)
    clip_grad_value(twins, 0.5)
    assert np.abs(twins[0].grad.get()).max() <= 0.5
    clip_grad_norm(twins, 0.1)
    twins[0].requires_grad_(False)
    two.step()
