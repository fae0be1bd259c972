"""The recipe `cycle`: its sides, a reader's own pictures and picture, what is measured; style by Gram matrices."""

import numpy as np
import pytest
from small_runs import SMALL, little_data, set_words, small_game, train_and_go_on

from tinygan import Tensor
from tinygan.cli import main
from tinygan.data import DataError, digits, gather_notes, read_picture
from tinygan.data import sides as two_sides
from tinygan.data.sides import enlarged, outlined
from tinygan.data.sprites import Sprites
from tinygan.nn import Conv2d
from tinygan.plot import save_image
from tinygan.recipes.translation import cycle
from tinygan.recipes.translation._style import gram, restyle


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    """A fresh clone: nothing but what comes with tinygan."""
    monkeypatch.delenv("TINYGAN_DATA", raising=False)
    monkeypatch.setattr("tinygan.data.files._download", lambda *_: pytest.fail("nothing is to be downloaded"))


def needs_sprites():
    try:
        return Sprites()
    except DataError as error:
        pytest.skip(str(error))


# --- the sides ---------------------------------------------------------------------------------------------------


def test_without_data_the_sides_are_digits_that_come_with_tinygan(no_data):
    with gather_notes() as notes:
        game = small_game("cycle")
    assert game.saved == {"source": "digits", "colours": 1, "size": 28, "checksum": 0}
    assert any("enlarged" in note for note in notes)
    b, (a,) = game.batch(0)
    images, _ = digits("train")
    known = {name: {x.tobytes() for x in known} for name, known in (
        ("a", enlarged(images[:718]) * 2 - 1), ("b", outlined(enlarged(images[718:1436])) * 2 - 1)
    )}  # fmt: skip
    assert a.shape == b.shape == (4, 1, 28, 28)
    assert {x.tobytes() for x in a} <= known["a"] and {x.tobytes() for x in b} <= known["b"]


@pytest.mark.parametrize("saved, settings", [("own", {}), ("digits", {"data": "somewhere"})])
def test_a_run_whose_settings_were_changed_is_refused(saved, settings, no_data):
    saved = {"source": saved, "colours": 1, "size": 28, "checksum": 0}
    with pytest.raises(DataError, match="the one or the other was changed"):
        cycle.make_game(cycle.Settings(**settings), saved=saved)


def test_sprites_are_drawn_over_and_digits_anew():
    assert [cycle.Settings(sides=sides).draws for sides in ("digits", "sprites")] == ["anew", "over"]
    assert cycle.Settings(sides="sprites", draws="anew").draws == "anew"


def test_mnist_is_taken_where_it_is(tmp_path):
    with little_data(tmp_path):
        game = small_game("cycle")
        assert game.saved["source"] == "mnist" and len(game.held_out()[0]) == 30


def test_without_sprites_digits_are_taken_and_that_is_said(no_data):
    with gather_notes() as notes:
        assert small_game("cycle", sides="sprites").saved["source"] == "digits"
    assert any("sheets of sprites are missing" in note and "digits are taken instead" in note for note in notes)


def test_the_sides_of_sprites_are_shirts_and_armour(monkeypatch):
    needs_sprites()
    monkeypatch.setattr(two_sides, "FIGURES", (40, 10))
    drawn = []
    draw = Sprites.draw
    monkeypatch.setattr(Sprites, "draw", lambda self, scenes, rng: drawn.append(scenes) or draw(self, scenes, rng))
    game = small_game("cycle", sides="sprites")
    assert game.saved == {"source": "sprites", "colours": 3, "size": 32, "checksum": 0}
    assert game.sample(2, 0).shape == (2, 6, 3, 32, 32)
    for shirts, armour in (drawn[:2], drawn[2:]):
        assert len(shirts) == len(armour) and not {*shirts} & {*armour}
        assert all("shirt" in scene.top for scene in shirts) and not any("shirt" in scene.top for scene in armour)
    figures = [{scene[:7] for scene in scenes} for scenes in drawn]
    assert not (figures[0] | figures[1]) & (figures[2] | figures[3])


# --- a reader's own ----------------------------------------------------------------------------------------------


def folder(path, n=40, sides="ab", colour=False):
    """Pictures of 12x9: grey ones in `a`, grey or in colour in `b`, of names that do not pair them."""
    rng = np.random.default_rng(0)
    for side in sides:
        (path / side).mkdir(parents=True)
        for k in range(n):
            shape = (12, 9, 3) if colour and side == "b" else (12, 9)
            save_image(rng.integers(0, 256, shape, dtype=np.uint8), path / side / f"{side}{k}.png")
    return path


OWN = {**SMALL["cycle"], "size": 8}


def test_a_run_on_folders_of_ones_own(tmp_path, capsys):
    """It trains, goes on bit for bit, is scored, and translates a picture either way without the folders."""
    data, out = folder(tmp_path / "own", colour=True), tmp_path / "run"
    train_and_go_on(out, "cycle", OWN, data=data)
    capsys.readouterr()
    assert main(["evaluate", str(out), "-n", "20"]) == 0
    printed = capsys.readouterr().out
    assert "distance in b" in printed and "way back in a" in printed

    picture = data / "a" / "a0.png"
    data.rename(tmp_path / "elsewhere")
    picture = tmp_path / "elsewhere" / "a" / "a0.png"
    there, back = tmp_path / "there.png", tmp_path / "back.png"
    assert main(["apply", str(out), str(picture), "--out", str(there)]) == 0
    assert main(["apply", str(out), f"b:{picture}", "--out", str(back)]) == 0
    assert there.read_bytes() != back.read_bytes() and "scaled to 8x8" in capsys.readouterr().err
    assert main(["sample", str(out)]) == 2 and "elsewhere" not in capsys.readouterr().err


def test_other_pictures_are_not_trained_on_with_an_old_run(tmp_path, capsys):
    data, out = folder(tmp_path / "own"), tmp_path / "run"
    words = ["--steps", "4", "--out", str(out), *set_words(OWN)]
    assert main(["train", "cycle", "--data", str(data), *words]) == 0
    (out / "checkpoints" / "step-4.safetensors").unlink()
    save_image(np.zeros((12, 9), np.uint8), data / "a" / "a0.png")
    save_image(np.zeros((12, 9), np.uint8), data / "a" / "a1.png")
    assert main(["train", "--resume", "--out", str(out)]) == 2
    assert "not the pictures that this run began with" in capsys.readouterr().err


@pytest.mark.parametrize(
    "n, sides, words, says",
    [
        (40, "a", [], "b: no such folder"),
        (20, "ab", [], "20 pictures in a, 18 to train on: at least 40"),
        (44, "ab", ["--set", "batch_size=41"], "44 pictures in a, 40 to train on.*--set batch_size=4"),
        (2, "ab", ["--set", "size=30"], "size=30: expected a multiple of 4"),
        (2, "ab", ["--set", "sides=sprites"], "sides=sprites.*--data"),
    ],
    ids=["one side", "few", "a large batch", "size", "sides too"],
)
def test_folders_that_cannot_be_trained_on(n, sides, words, says, tmp_path, capsys):
    data, out = folder(tmp_path / "own", n, sides), tmp_path / "run"
    assert main(["train", "cycle", "--data", str(data), "--out", str(out), *words]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and not out.exists()
    with pytest.raises(DataError, match=says):
        raise DataError(printed)


def test_pairs_are_not_used_and_that_is_said(tmp_path):
    data = folder(tmp_path / "own")
    for path in (data / "b").iterdir():
        path.rename(path.with_name(path.name.replace("b", "a")))
    with gather_notes() as notes:
        game = small_game("cycle", data=str(data), size=8)
    assert any("pix2pix" in note for note in notes)
    assert len(game.held_out()[0]) == len(game.held_out()[1]) == 4
    batches = [game.batch(k) for k in range(30)]
    for kept, shown in zip(game.held_out(), ([b.given[0] for b in batches], [b.x for b in batches])):
        assert not {x.tobytes() for x in kept} & {x.tobytes() for x in np.concatenate(shown)}


# --- a reader's picture ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(28, 28), (60, 90), (60, 50, 3)], ids=["as trained on", "large", "in colour"])
def test_a_picture_is_answered_by_one_of_the_other_side(shape, no_data, tmp_path):
    game = small_game("cycle")
    save_image(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), tmp_path / "x.png")
    with gather_notes() as notes:
        answers = [cycle.respond(game, given + str(tmp_path / "x.png"), None) for given in ("", "b:")]
    said = f"x.png is {shape[1]}x{shape[0]}; its middle square is scaled to 28x28"
    assert [said in sentence for sentence in notes] == [True] * (shape != (28, 28))
    assert all(x.shape == (1, 28, 28) for x in answers)
    if shape == (28, 28):
        x = read_picture(tmp_path / "x.png")[None] * 2 - 1
        for answer, to in zip(answers, "ba"):
            np.testing.assert_allclose(answer, game.translate(x, to)[0], atol=1e-6)
    cycle.ANSWERS[".png"](answers[0], tmp_path / "y.png")
    written = read_picture(tmp_path / "y.png")
    np.testing.assert_allclose(written, (answers[0] + 1) / 2, atol=0.51 / 255)


@pytest.mark.parametrize("given", ["nowhere.png", "b:nowhere.png", "."])
def test_what_is_no_picture_is_refused(given, no_data):
    with pytest.raises(DataError, match="no such file|a folder"):
        cycle.respond(small_game("cycle"), given, None)


def test_samples_are_drawn_in_rows_of_whole_sixes(no_data, tmp_path):
    game = small_game("cycle")
    for n, across in ((4, 1), (24, 2)):
        cycle.draw(game, game.sample(n, 0), tmp_path / "drawn.png")
        side = 28 * 3 + 2
        assert read_picture(tmp_path / "drawn.png").shape[1:] == (n // across * side + 2, 6 * across * side + 2)


# --- scores ------------------------------------------------------------------------------------------------------


def test_each_direction_is_measured_with_its_own_pictures(monkeypatch):
    marks = np.array([[0.0, 0.1, 0.5, -0.3, -0.2, -0.1]])  # a, in b, back in a; b, in a, back in b
    samples = np.broadcast_to(marks[..., None, None, None], (1, 6, 1, 4, 4))
    measure = lambda game, *pictures_and_side: {"seen": [np.ravel(x)[0] for x in pictures_and_side]}
    monkeypatch.setattr(cycle, "measure", measure)
    scores = cycle.evaluate(None, samples)
    assert scores["seen_in_b"] == [0.0, 0.1, -0.3, "b"] and scores["seen_in_a"] == [-0.3, -0.2, 0.0, "a"]
    assert scores["way_back_in_a"] == pytest.approx(-20 * np.log10(0.25))
    assert scores["way_back_in_b"] == pytest.approx(-20 * np.log10(0.1))


def test_ones_own_results_are_compared_with_real_pictures_beside_their_sources(tmp_path):
    game = small_game("cycle", data=str(folder(tmp_path / "own")), size=8)
    source, near, real = (np.full((5, 1, 8, 8), value) for value in (0.0, 0.8, 1.0))
    scores = cycle.measure(game, source, near, real, "b")
    assert scores["distance_before"] == pytest.approx(5 * scores["distance"])


# --- style by Gram matrices --------------------------------------------------------------------------------------


def layers():
    convs = [Conv2d(1, 3, 3, padding=1, rng=k) for k in (0, 1)]
    return lambda x: [conv(x) for conv in convs]


def distances(x, content, style):
    of, given, wanted = (layers()(Tensor(y)) for y in (x, content, style))
    far = sum(np.square(gram(f).data - gram(g).data).mean() for f, g in zip(of, wanted))
    return np.square(of[-1].data - given[-1].data).mean(), far


def test_a_gram_matrix_is_the_mean_product_of_two_features():
    f = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype("float32")
    np.testing.assert_allclose(gram(Tensor(f)).data, np.einsum("nchw,ndhw->ncd", f, f) / 20, rtol=1e-5)


def test_pixels_move_towards_the_style_and_towards_the_content():
    rng = np.random.default_rng(0)
    content, style = (rng.uniform(-1, 1, (2, 1, 8, 8)).astype("float32") * scale for scale in (0.3, 1.0))
    kept = restyle(content, style, layers(), weight=0.0, steps=5)
    np.testing.assert_array_equal(kept, content)  # the content is there already
    weak, strong = (restyle(content, style, layers(), weight=w, steps=60) for w in (0.3, 3.0))
    none = distances(content, content, style)
    of_weak, of_strong = (distances(x, content, style) for x in (weak, strong))
    assert of_strong[1] < of_weak[1] < none[1]
    assert 0 == none[0] < of_weak[0] < of_strong[0]
    assert np.abs(strong).max() <= 1


def test_a_picture_is_styled_as_if_it_were_alone():
    rng = np.random.default_rng(0)
    content, style = (rng.uniform(-1, 1, (3, 1, 8, 8)).astype("float32") for _ in range(2))
    together = restyle(content, style, layers(), steps=5)
    alone = restyle(content[:1], style[:1], layers(), steps=5)
    np.testing.assert_allclose(together[:1], alone, atol=1e-4)
