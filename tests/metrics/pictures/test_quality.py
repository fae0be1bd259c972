"""PSNR and SSIM against published numbers, a second implementation and closed forms."""

import math

import numpy as np
import pytest
import scipy.ndimage
from PIL import Image

from tinygan.data import DataError, find_file
from tinygan.metrics import bicubic, diversity, psnr, ssim


def pictures(name, k, kind):
    """A picture of the super-resolution sets, (1, 3, h, w) in [0, 1]."""
    try:
        path = find_file(f"{name}/img_{k:03d}_SRF_4_{kind}.png")
    except DataError as error:
        pytest.skip(str(error))
    return np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1)[None] / 255


# --- published numbers -------------------------------------------------------------------------------------------


def test_bicubic_on_set5_scores_what_was_published():
    """28.42 dB and SSIM .8104, the row of bicubic x4 in every table of super-resolution."""
    scores = []
    for k in range(1, 6):
        real, small = pictures("set5", k, "HR"), pictures("set5", k, "LR")
        enlarged = bicubic(small, real.shape[2:]).clip(0, 1)
        options = {"value_range": (0, 1), "luminance": True, "border": 4}
        scores.append([psnr(enlarged, real, **options)[0], ssim(enlarged, real, **options)[0]])
    decibels, similarity = np.mean(scores, 0)
    assert decibels == pytest.approx(28.42, abs=0.02)
    assert similarity == pytest.approx(0.8104, abs=0.003)


def test_bicubic_shrinks_as_matlab_does():
    """The LR files were made by MATLAB: away from the edges ours differ by rounding to bytes, which MATLAB does twice."""
    for k in range(1, 6):
        real, small = pictures("set5", k, "HR"), pictures("set5", k, "LR")
        error = 255 * np.abs(bicubic(real, small.shape[2:]).clip(0, 1) - small)[:, :, 2:-2, 2:-2]
        assert error.mean() < 0.3 and error.max() < 2


# --- PSNR --------------------------------------------------------------------------------------------------------


def test_psnr_by_hand():
    black = np.full((3, 1, 5, 6), -1.0)
    grey = black + np.reshape([0.2, 2, 0], (3, 1, 1, 1))
    np.testing.assert_allclose(psnr(grey, black, (-1, 1)), [20, 0, np.inf], atol=1e-12)
    np.testing.assert_allclose(psnr(255 * grey, 255 * black, (-255, 255)), [20, 0, np.inf], atol=1e-12)


@pytest.mark.parametrize("score", [psnr, ssim])
def test_the_range_is_asked_for(score):
    with pytest.raises(TypeError, match="value_range"):
        score(X, X)


def test_psnr_depends_on_the_range():
    x = np.full((1, 1, 4, 4), 0.5)
    assert psnr(x, x - 0.1, (0, 1)) == pytest.approx(20) and psnr(x, x - 0.1, (-1, 1)) == pytest.approx(26.02, abs=0.01)


def test_psnr_shaves_the_border_and_weighs_the_colours():
    x = np.random.default_rng(0).uniform(0, 0.9, (2, 3, 12, 9))
    y = x.copy()
    y[:, :, :, :2] = 0
    assert np.isinf(psnr(x, y, (0, 1), border=2)).all() and np.isfinite(psnr(x, y, (0, 1), border=1)).all()
    for channel, weight in enumerate([65.481, 128.553, 24.966]):
        y = x.copy()
        y[:, channel] += 0.1
        expected = -20 * math.log10(0.1 * weight / 255)
        np.testing.assert_allclose(psnr(x, y, (0, 1), luminance=True), expected)
    grey = x[:, :1], x[:, 1:2], (0, 1)
    assert psnr(*grey, luminance=True) == pytest.approx(psnr(*grey))  # grey has no colours


# --- SSIM --------------------------------------------------------------------------------------------------------


def ssim_by_scipy(x, y):
    """The map of one channel by SciPy's Gaussian filter, cut to where the window fits."""
    mean = lambda a: scipy.ndimage.gaussian_filter(a, 1.5, truncate=3.34)[5:-5, 5:-5]  # 5 pixels each way
    c1, c2 = 0.01**2, 0.03**2
    covariance = mean(x * y) - mean(x) * mean(y)
    variances = mean(x * x) - mean(x) ** 2 + mean(y * y) - mean(y) ** 2
    return (
        (2 * mean(x) * mean(y) + c1) * (2 * covariance + c2) / ((mean(x) ** 2 + mean(y) ** 2 + c1) * (variances + c2))
    ).mean()


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_the_formula(channels):
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(3, channels, 20, 17))
    y = (x + 0.3 * rng.standard_normal(x.shape)).clip(0, 1)
    expected = [np.mean([ssim_by_scipy(a, b) for a, b in zip(p, q)]) for p, q in zip(x, y)]
    np.testing.assert_allclose(ssim(x, y, (0, 1)), expected, rtol=1e-12)
    np.testing.assert_allclose(ssim(2 * x - 1, 2 * y - 1, (-1, 1)), expected, rtol=1e-9)  # the range does not matter
    np.testing.assert_allclose(ssim(y, x, (0, 1)), expected, rtol=1e-12)


def test_ssim_of_constants_in_closed_form():
    a, b = np.full((1, 1, 11, 11), 0.2), np.full((1, 1, 11, 11), 0.7)
    c1 = 0.01**2
    assert ssim(a, b, (0, 1))[0] == pytest.approx((2 * 0.2 * 0.7 + c1) / (0.2**2 + 0.7**2 + c1))
    assert ssim(a, a, (0, 1))[0] == pytest.approx(1)


def test_ssim_sees_blur_that_psnr_forgives():
    """Wang and Bovik's example: of two damages with equal squared error, the one that keeps structure looks better."""
    x = scipy.ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((40, 40)), 1)[None, None]
    x = (x - x.min()) / (x.max() - x.min()) / 2
    blurred = scipy.ndimage.gaussian_filter(x, (0, 0, 2, 2))
    brighter = x + np.sqrt(np.square(blurred - x).mean())
    assert psnr(blurred, x, (0, 1)) == pytest.approx(psnr(brighter, x, (0, 1)))
    assert ssim(blurred, x, (0, 1)) + 0.3 < ssim(brighter, x, (0, 1))


# --- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [psnr, ssim])
def test_a_border_is_cut_from_every_side(score):
    x = np.random.default_rng(0).uniform(-1, 1, (1, 1, 17, 19))
    for place in ((0, 9), (-1, 9), (8, 0), (8, -1), (1, 1), (-2, -2)):
        y = x.copy()
        y[0, 0][place] += 1
        assert score(y, x, (-2, 3)) < score(x, x, (-2, 3))
        assert score(y, x, (-2, 3), border=2) == score(x, x, (-2, 3), border=2)
    y[0, 0, 2, 2] += 1
    assert score(y, x, (-2, 3), border=2) < score(x, x, (-2, 3), border=2)


@pytest.mark.parametrize("score", [psnr, ssim])
def test_luminance_is_y_of_bt_601(score):
    """Y is 16/255 for black, 235/255 for white; green counts most. Without luminance, colours count alike."""
    x, y = np.random.default_rng(0).uniform(0, 0.9, (2, 1, 3, 12, 12))
    grey = lambda p: (16 + 65.481 * p[:, :1] + 128.553 * p[:, 1:2] + 24.966 * p[:, 2:]) / 255
    assert score(x, y, (0, 1), luminance=True) == pytest.approx(score(grey(x), grey(y), (0, 1)), rel=1e-12)
    assert score(x, y, (0, 1)) == pytest.approx(score(x[:, ::-1], y[:, ::-1], (0, 1)), rel=1e-12)
    assert score(x, y, (0, 1)) != pytest.approx(score(x, y, (0, 1), luminance=True), rel=1e-3)
    green, blue = x.copy(), x.copy()
    green[:, 1] += 0.1
    blue[:, 2] += 0.1
    assert score(green, x, (0, 1), luminance=True) < score(blue, x, (0, 1), luminance=True)


@pytest.mark.parametrize("score", [psnr, ssim])
def test_more_noise_scores_less(score):
    rng = np.random.default_rng(0)
    x, noise = rng.uniform(-1, 1, (1, 1, 20, 20)), rng.standard_normal((1, 1, 20, 20))
    scores = [score(x + t * noise, x, (-6, 6))[0] for t in (0.01, 0.1, 1)]
    assert scores[0] > scores[1] > scores[2]


X = np.zeros((2, 1, 16, 16))
WRONG = {
    "two shapes": (lambda: psnr(X, X[:1], (0, 1)), "psnr: .*expected both"),
    "no batch": (lambda: ssim(X[0], X[0], (0, 1)), "ssim: .*expected both"),
    "a large border": (lambda: psnr(X, X, (0, 1), border=8), "psnr: 16x16 less a border of 8: at least 1x1"),
    "a border over half": (lambda: ssim(X, X, (0, 1), border=3), "ssim: 16x16 less a border of 3: at least 11x11"),
    "a small picture": (lambda: ssim(X[..., :10], X[..., :10], (0, 1)), "ssim: 16x10 less a border of 0: at least 11x11"),
    "no range": (lambda: psnr(X, X, (1, 1)), "psnr: value_range .1, 1."),
    "bytes": (lambda: psnr(X + 200, X, (-1, 1)), "psnr: values from 200 to 200: expected -1 to 1, as value_range says"),
    "below black": (lambda: ssim(X, X - 1, (0, 1)), "ssim: values from -1 to -1: expected 0 to 1"),
    "nan": (lambda: psnr(X, X * np.nan, (0, 1)), "psnr: values from nan to nan"),
    "one picture": (lambda: diversity(X[:1], X), "diversity: .*at least 2 rows"),
    "nothing to compare with": (lambda: diversity(X, X), "all real samples are equal"),
}


@pytest.mark.parametrize("call, named", WRONG.values(), ids=WRONG)
def test_wrong_pictures_are_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()
