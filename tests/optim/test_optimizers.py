"""Optimisers and clipping: PyTorch's numbers, exact resume, nothing written where a graph may look."""

import inspect
import math
import signal
import threading

import numpy as np
import pytest
from optim_problem import GOLDEN, OPTIMISERS, flat, gradients, made, problem
from safetensors.numpy import load, save
from strict import strict

import tinygan.optim as optim
from tinygan import Tensor, grad
from tinygan.backend import stream
from tinygan.nn import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, Parameter, Sequential, spectral_norm
from tinygan.optim import EMA, SGD, Adam, AdamW, RMSprop, clip_grad_norm, clip_grad_value
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
}


@pytest.mark.parametrize("function", DEFAULTS, ids=lambda function: function.__name__)
def test_defaults_are_torchs(function):
    parameters = inspect.signature(function).parameters.values()
    assert {p.name: p.default for p in parameters if p.default is not p.empty} == DEFAULTS[function]


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

REFUSED = {
    "no parameters": (lambda: Adam([]), ValueError, "Adam got no parameters"),
    "an array": (lambda: Adam([np.ones(3)]), TypeError, "parameter 0 must be"),
    "frozen": (lambda: Adam([Parameter(np.ones(3), requires_grad=False)]), TypeError, r"shape \(3,\)"),
    "twice": (lambda: Adam([p := Parameter(np.ones(3)), p]), ValueError, "given twice"),
    "two types": (
        lambda: SGD([Parameter(np.ones(3)), Parameter(np.ones(3, "f"))]),
        ValueError,
        "float32 on cpu and float64",
    ),
    "negative lr": (lambda: Adam(problem(), lr=-1), ValueError, "lr must be at least 0"),
    "beta 1": (lambda: Adam(problem(), betas=(0.9, 1.0)), ValueError, r"betas\[1\]"),
    "alpha 1": (lambda: RMSprop(problem(), alpha=1.0), ValueError, "alpha must be at least 0 and below 1"),
    "nesterov": (lambda: SGD(problem(), lr=0.1, nesterov=True), ValueError, "nesterov"),
    "no gradients": (lambda: Adam(problem()).step(), ValueError, "no parameter has a .grad"),
    "too few": (lambda: Adam(problem()).step([np.ones((2, 3))]), ValueError, r"shapes \[\(2, 3\)\]"),
    "wrong shape": (lambda: Adam(problem()).step([np.ones((3, 2)), np.ones(3)]), ValueError, r"\(3, 2\)"),
    "decay": (lambda: EMA(Linear(1, 1), decay=1.5), ValueError, "between 0 and 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()


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
            grads, _ = clip_grad_norm(grad((net(x) ** 2).mean(), net.parameters()), 1.0)
            optimizer.step(grads)
            average.update(net)
        return save({f"{name}.{k}": a for name, part in parts.items() for k, a in part.state_dict().items()})

    unbroken, resumed = load(run(0, 12)), load(run(5, 12, run(0, 5)))
    assert unbroken.keys() == resumed.keys() and len(unbroken) > 20
    for key, array in unbroken.items():
        np.testing.assert_array_equal(array, resumed[key], err_msg=key)


# --- clipping --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm_type, norm", [(2.0, 5.0), (1.0, 7.0), (3.0, 91 ** (1 / 3)), (math.inf, 4.0)])
def test_clip_grad_norm(norm_type, norm):
    grads = (np.array([[3.0, 0.0]], "float32"), np.array([-4.0], "float32"))
    clipped, found = clip_grad_norm(grads, 1.0, norm_type)
    assert found == pytest.approx(norm)
    np.testing.assert_allclose(np.concatenate([g.ravel() for g in clipped]), np.array([3, 0, -4]) / norm, rtol=1e-5)
    assert {g.dtype.name for g in clipped} == {"float32"} and grads[1][0] == -4  # nothing in place
    same, _ = clip_grad_norm(grads, 10.0, norm_type)
    np.testing.assert_array_equal(same[1], grads[1])


def test_clip_grad_norm_of_tiny_gradients_divides_by_no_zero():
    (clipped,), norm = clip_grad_norm([np.zeros(2)], 1.0)
    assert norm == 0 and not clipped.any()
    (clipped,), _ = clip_grad_norm([np.array([1e-6])], 1e-6)
    np.testing.assert_allclose(clipped, [0.5e-6])  # torch's max_norm / (norm + 1e-6)
    (clipped,), norm = clip_grad_norm([np.array([-9.0, 1.0])], 3.0, math.inf)
    assert norm == 9
    np.testing.assert_allclose(clipped, [-3, 1 / 3], rtol=1e-6)


def test_clip_grad_value():
    (a, b) = clip_grad_value((np.array([3.0, -0.5], "float32"), np.array([-4.0])), 1.0)
    assert a.tolist() == [1.0, -0.5] and b.tolist() == [-1.0] and a.dtype == "float32"


# --- the other array library -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop])
def test_on_a_strict_array(kind):
    settings = {"weight_decay": 0.1} | ({"momentum": 0.9} if kind in (SGD, RMSprop) else {})
    params, twins = problem("float32"), problem("float32")
    for p in twins:
        p.data = strict(p.data)
    one, two = kind(params, lr=0.1, **settings), kind(twins, lr=0.1, **settings)
    for k in range(3):
        g = [x.astype("float32") for x in gradients(params, k)]
        clipped, norm = clip_grad_norm(g, 1.0)
        clipped_strict, norm_strict = clip_grad_norm([strict(x) for x in g], 1.0)
        assert float(norm) == pytest.approx(float(norm_strict))
        one.step(clipped)
        two.step(clipped_strict)
    for p, q in zip(params, twins):
        np.testing.assert_allclose(p.data, q.data.get(), rtol=1e-5)
    assert all(isinstance(array, np.ndarray) for array in two.state_dict().values())
    two.load_state_dict(one.state_dict())
    clip_grad_value([strict(x) for x in g], 0.5)
