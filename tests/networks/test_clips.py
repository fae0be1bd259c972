"""Players of clips: what is told once stays, windows lie in the motion, each verdict is its equation."""

import numpy as np
import pytest

from tinygan import Tensor
from tinygan.backend import stream
from tinygan.networks.clips import LEAD, ClipJudge, ClipSettings, DigitMover, FigureMover, LabelReader, Labels, Motion

LABELS = Labels([3, 5], [4], 8)
ROWS = np.array([[0, 4, 1, 7], [2, 0, 3, 2], [1, 1, 0, 0]])
SETTINGS = ClipSettings(noise=3, step_noise=2, motion=6, embedding=5, channels=6, features=4, batch_size=4)


def told(mover, t=32):
    rng = stream(0, "noise")
    points = [space.sample(rng, 3) for space in mover.spaces]
    return *map(Tensor, points[:2]), Tensor(points[2][: LEAD + t])


def test_labels_move_on_in_their_step_alone():
    np.testing.assert_array_equal(LABELS.move_on(ROWS, 3), [[0, 4, 1, 2], [2, 0, 3, 5], [1, 1, 0, 3]])
    np.testing.assert_array_equal(LABELS.move_on(LABELS.move_on(ROWS, np.array([1, 9, 30])), -np.array([1, 9, 30])), ROWS)
    np.testing.assert_array_equal(Labels([3], [4]).move_on(ROWS, 3), ROWS)
    assert LABELS.total == 20 and Labels([3], [4]).total == 7


def test_what_is_read_of_a_label_has_a_vector_of_its_own():
    reader = LabelReader(LABELS, 5, stream(0, "reader"))
    vectors = reader.vectors.weight.data
    expected = (vectors[[2, 3 + 0, 8 + 3, 12 + 2]]).sum(0) / 2
    np.testing.assert_allclose(reader(ROWS).numpy()[1], expected, rtol=1e-5)
    np.testing.assert_allclose(reader(ROWS, slice(2, None)).numpy()[0], vectors[[9, 19]].sum(0) / np.sqrt(2), rtol=1e-5)


@pytest.mark.parametrize("mover", [DigitMover, FigureMover])
def test_a_window_is_a_part_of_the_longer_clip(mover):
    """Its labels are those of its own first frame."""
    g = mover(LABELS, SETTINGS, stream(0, "g")).eval()
    whole = g(*told(g), ROWS, 0).numpy()
    first = np.array([0, 5, 24])
    windows = g(*told(g), LABELS.move_on(ROWS, first), first).numpy()
    assert whole.shape[:2] == (3, LEAD + 32) and windows.shape[:2] == (3, 8)
    for n, start in enumerate(first):
        np.testing.assert_allclose(windows[n], whole[n, start : start + 8], atol=1e-5)
    led = g(*told(g, 8), LABELS.move_on(ROWS, LEAD)).numpy()
    np.testing.assert_allclose(led, whole[:, LEAD : LEAD + 8], atol=1e-5)
    assert abs(whole[:, 0] - whole[:, 20]).max() > 1e-4


def test_a_digit_is_the_same_in_every_frame_and_its_place_is_the_motions():
    g = DigitMover(LABELS, SETTINGS, stream(0, "g")).eval()
    g.place.weight.data[:] *= 0.1
    g.place.bias.data[:] = 0
    clips = g(*told(g), ROWS).numpy()
    assert clips.shape == (3, 32, 1, 24, 24)
    ink = (clips + 1).sum((2, 3, 4))
    np.testing.assert_allclose(ink, np.repeat(ink[:, :1], 32, 1), rtol=0.01)
    g.place.weight.data[:] = 0
    assert abs(clips[:, 1:] - clips[:, :1]).max() > 1e-3
    still = g(*told(g), ROWS).numpy()
    np.testing.assert_allclose(still, still[:, :1].repeat(32, 1), atol=1e-6)


@pytest.mark.parametrize("mover", [DigitMover, FigureMover])
def test_content_is_told_what_is_shown_and_motion_how_it_moves(mover):
    """Another way to move leaves the content that is painted as it is; other looks leave the motion."""
    g = mover(LABELS, SETTINGS, stream(0, "g")).eval()
    seen = {}
    g.paint = lambda content, states: seen.update(content=content.numpy(), states=states.numpy())
    rows = {"as it is": ROWS, "shown": (ROWS + [1, 0, 0, 0]) % [3, 5, 4, 8], "motion": (ROWS + [0, 0, 1, 0]) % [3, 5, 4, 8]}
    rows["step"] = (ROWS + [0, 0, 0, 1]) % [3, 5, 4, 8]
    found = {}
    for name, given in rows.items():
        g(*told(g), given)
        found[name] = dict(seen)
    same = lambda a, b, part: np.array_equal(found[a][part], found[b][part])
    assert not same("as it is", "shown", "content") and same("as it is", "shown", "states")
    for name in ("motion", "step"):
        assert same("as it is", name, "content") and not same("as it is", name, "states")


def test_a_motion_goes_on_where_a_gru_as_it_is_drawn_comes_to_rest():
    """Late states differ from each other as early ones do; of an ordinary GRU they are all alike."""
    noise, told = Tensor(np.zeros((64, 10, 4), np.float32)), Tensor(np.zeros((10, 5), np.float32))
    h = Tensor(stream(0, "h").standard_normal((10, 64), np.float32).clip(-1, 1))
    late = lambda states: states[48:].std(0).mean() / states[:16].std(0).mean()
    motion = Motion(4, 5, 64, stream(0, "motion"))
    assert late(motion(noise, told, h).numpy()) > 0.7
    motion.begun *= 0
    assert late(motion(noise, told, h).numpy()) < 0.1


def test_the_gate_of_labels_says_which_states_matter():
    motion = Motion(4, 5, 6, stream(0, "motion"))
    rng = stream(0, "told")
    arguments = [Tensor(rng.standard_normal(shape, np.float32)) for shape in ((8, 3, 4), (3, 5), (3, 6))]
    motion.gate.weight.data[:] = 0
    motion.gate.bias.data[:] = [-50, 50, 0, 0, 0, 0]
    states = motion(*arguments).numpy()
    motion.gate.bias.data[:] = 0
    np.testing.assert_allclose(states, motion(*arguments).numpy() * [0, 2, 1, 1, 1, 1], atol=1e-6)


# --- the judges ----------------------------------------------------------------------------------------------------


@pytest.fixture
def judging():
    """A judge in whose verdicts each term is 0 until a test changes it, and clips."""
    d = ClipJudge((3, 32, 32), LABELS, SETTINGS, stream(0, "d"))
    for layer in (d.real_frame, d.real_clip, d.like_frame, d.like_clip):
        layer.weight.data *= 0
        layer.bias.data *= 0
    return d, Tensor(stream(0, "x").standard_normal((3, 8, 3, 32, 32), np.float32))


def test_a_verdict_says_how_real_each_is(judging):
    d, x = judging
    assert not d(x, ROWS)[0].numpy().any()
    d.real_frame.weight.data[:] = 1
    expected = np.stack([d.of_frames(x[:, t]).numpy().sum(1) for t in (0, 4)], 1)
    verdicts = d(x, ROWS)[0].numpy()
    np.testing.assert_allclose(verdicts[:, 1:], expected, rtol=1e-4)
    assert not verdicts[:, 0].any()
    d.real_frame.weight.data[:], d.real_clip.weight.data[:] = 0, 1
    verdicts = d(x, ROWS)[0].numpy()
    assert verdicts[:, 0].any() and not verdicts[:, 1:].any()
    later = Tensor(x.data.copy())
    later.data[:, 6] += 1  # neither of the frames that are judged alone
    assert (d(later, ROWS)[0].numpy()[:, 0] != verdicts[:, 0]).all()


def test_a_verdict_gains_what_each_is_like_its_labels_then(judging):
    """Where the labels' vector is φ of a frame, its verdict gains |φ|² / √features. Frame 4 has the labels four steps on."""
    d, x = judging
    d.like_frame = lambda read: read
    d.reader = lambda rows: Tensor(rows.astype(np.float32))
    frames = [d.of_frames(x[:, t]).numpy() for t in (0, 4)]
    expected = [(LABELS.move_on(ROWS, t) * phi).sum(1) / 2 for t, phi in zip((0, 4), frames)]
    d.like_clip = lambda read: 0 * read
    np.testing.assert_allclose(d(x, ROWS)[0].numpy()[:, 1:], np.stack(expected, 1), rtol=1e-4, atol=1e-6)
    d.like_frame, d.like_clip = d.like_clip, d.like_frame
    verdicts = d(x, ROWS)[0].numpy()
    assert verdicts[:, 0].any() and not verdicts[:, 1:].any()


def test_frames_are_read_for_what_is_shown_and_clips_for_how_it_moves():
    columns = lambda labels, of: len(labels.misread(Tensor(np.zeros((3, labels.total), np.float32)), ROWS, of))
    assert (columns(LABELS, "frame"), columns(LABELS, "clip")) == (4, 2)  # a step can be seen in a frame
    without = Labels([3, 5], [4])
    assert (columns(without, "frame"), columns(without, "clip")) == (2, 1)
    logits = np.zeros((3, 20), np.float32)
    logits[np.arange(3), 3 + ROWS[:, 1]] = 30
    losses = [float(loss.data) for loss in LABELS.misread(Tensor(logits), ROWS, "frame")]
    assert losses == pytest.approx([np.log(3), 0, np.log(4), np.log(8)], abs=1e-5)
