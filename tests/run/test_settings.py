"""Settings put together from groups: what a choice brings, what is refused, and in which words."""

import itertools
import pickle
from dataclasses import asdict, dataclass, fields, make_dataclass, replace

import pytest

from tinygan import recipes
from tinygan.run.settings import RunSettings, defaults, list_additions, list_groups, setting


@dataclass
class Phases(RunSettings):
    """Two phases."""

    first: float = setting(0.5, "Share of the steps in the first phase.", 0.0, 1.0, phase=True)
    fall: float = setting(0.5, "Share of the steps after which something falls.", 0.0, 1.0)


@dataclass
class Kernels(RunSettings):
    """Inside a CNN."""

    kernel: int = setting(3, "Its side.", 1)


@dataclass
class Convolutions(RunSettings):
    """A CNN."""

    channels: int = setting(8, "How many.", 1)
    shape: str = setting("square", "Of what kind.", choices={"square": Kernels, "none": None})


@defaults(kernel=5)
class WideConvolutions(Convolutions):
    """A CNN that looks far."""


@dataclass
class Recurrence(RunSettings):
    """An LSTM."""

    hidden: int = setting(64, "Size of its state.", 1)


@dataclass
class Codes(RunSettings):
    """A code."""

    share: float = setting(0.1, "Of the noise.", 0.0, 1.0)


@dataclass
class Judged(RunSettings):
    """Who judges."""

    judge: str = setting(
        "cnn", "What judges.", choices={"cnn": Convolutions, "wide": WideConvolutions, "lstm": Recurrence, "nobody": None}
    )
    codes: int = setting(0, "Classes of a code; 0: none.", 0, brings=Codes)


@defaults(steps=7, hidden=32, kernel=9)
class Settings(Judged):
    """Settings of a recipe."""

    own: float = setting(1.0, "Its own.", 0.0)


names = lambda s: {f.name for f in fields(s)}
ALWAYS = {"seed", "steps", "batch_size", "processes", "judge", "codes", "own"}


@pytest.mark.parametrize(
    "values, more",
    [
        ({}, {"channels", "shape", "kernel"}),
        ({"judge": "cnn", "shape": "none"}, {"channels", "shape"}),
        ({"judge": "lstm"}, {"hidden"}),
        ({"judge": "nobody"}, set()),
        ({"judge": "nobody", "codes": 3}, {"share"}),
        ({"judge": "lstm", "codes": 3}, {"hidden", "share"}),
    ],
    ids=lambda part: str(part) if isinstance(part, dict) else "+".join(sorted(part)),
)
def test_a_choice_brings_its_group_and_what_that_brings(values, more):
    s = Settings(**values)
    assert names(s) == ALWAYS | more
    assert isinstance(s, Settings) and isinstance(s, Judged)
    assert isinstance(s, Recurrence) == ("hidden" in more) and isinstance(s, Kernels) == ("kernel" in more)
    assert all(hasattr(s, name) for name in more) and not hasattr(s, "hidden" if "hidden" not in more else "channels")


def test_defaults_reach_groups_that_are_not_there_yet():
    assert (Settings().steps, Settings().kernel, Settings(judge="lstm").hidden) == (7, 9, 32)
    assert (Judged().kernel, Judged(judge="wide").kernel, Judged(judge="lstm").hidden) == (3, 5, 64)
    assert Settings(judge="wide").kernel == 9  # the recipe's word is the last

    @defaults(hidden=16, judge="lstm")
    class Further(Settings):
        """Settings of a recipe that is built on another."""

    assert (Further().hidden, Further().steps, Further(judge="cnn").kernel) == (16, 7, 9)
    assert Settings(judge="lstm").hidden == 32
    meaning = {f.name: f.metadata["meaning"] for f in fields(Further())}
    assert meaning["hidden"] == "Size of its state." and meaning["judge"] == "What judges."


@dataclass
class Rate(RunSettings):
    """How fast."""

    rate: float = setting(0.1, "How fast.", 0.0)


@defaults(rate=0.9)
class Fast(Rate):
    """A group that changes a default of one that a recipe may have already."""


@dataclass
class Hurried(Rate):
    """Settings of a recipe that may be in a hurry."""

    hurry: str = setting("no", "Whether.", choices={"no": None, "yes": Fast})


@defaults(rate=0.5)
class Even(Hurried):
    """Settings of a recipe with a rate of its own."""


def test_the_default_of_a_group_gives_way_to_that_of_the_recipe():
    assert (Hurried().rate, Hurried(hurry="yes").rate) == (0.1, 0.9)
    assert (Even().rate, Even(hurry="yes").rate, Even(hurry="yes", rate=0.7).rate) == (0.5, 0.5, 0.7)


def test_a_default_that_no_group_has_is_refused():
    with pytest.raises(TypeError, match="has no setting colour"):

        @defaults(colour=3)
        class Wrong(Settings):
            """Settings of nothing."""


@pytest.mark.parametrize("values", [{}, {"judge": "lstm", "codes": 3, "share": 0.5}, {"shape": "none"}], ids=str)
def test_settings_are_pickled_replaced_and_written_down(values):
    s = Settings(own=2.0, **values)
    again = pickle.loads(pickle.dumps(s))
    assert again == s and type(again) is type(s)
    assert Settings(**asdict(s)) == s
    assert replace(s, own=3.0) == Settings(own=3.0, **values)
    assert asdict(s).keys() == names(s)
    assert type(s).root is Settings and repr(s).startswith("Settings(seed=0, steps=7")


def test_a_replaced_choice_brings_the_other_group():
    s = replace(Settings(judge="nobody"), judge="lstm")
    assert s.hidden == 32
    with pytest.raises(ValueError, match="hidden=32: this training would not read it; with judge=lstm it would"):
        replace(Settings(judge="lstm"), judge="cnn")


UNREAD = "this training would not read it"


@pytest.mark.parametrize(
    "values, sentence",
    [
        ({"hidden": 3}, f"hidden=3: {UNREAD}; with judge=lstm it would"),
        ({"judge": "lstm", "channels": 3}, f"channels=3: {UNREAD}; with judge=cnn or judge=wide it would"),
        # what one change brings is named, and not what it would take two for
        ({"judge": "lstm", "kernel": 3}, f"kernel=3: {UNREAD}; with judge=cnn or judge=wide it would"),
        ({"judge": "cnn", "shape": "none", "kernel": 3}, f"kernel=3: {UNREAD}; with shape=square it would"),
        ({"judge": "lstm", "shape": "none", "kernel": 3}, f"shape='none': {UNREAD}; with judge=cnn or judge=wide it would"),
        ({"share": 0.5}, f"share=0.5: {UNREAD}; with codes given it would"),
        ({"colour": 3}, "colour=3: no such setting"),
        ({"colour": 3, "hidden": 4}, "colour=3: no such setting"),
        ({"hidden": 4, "colour": 3}, f"hidden=4: {UNREAD}; with judge=lstm it would"),
        ({"judge": "dog"}, "judge='dog': expected one of cnn, wide, lstm, nobody. What judges."),
        ({"own": -1.0}, "own=-1.0: must be at least 0.0. Its own."),
        ({"codes": 2, "share": 1.5}, "share=1.5: must be between 0.0 and 1.0. Of the noise."),
        ({"codes": 2, "share": -0.5}, "share=-0.5: must be between 0.0 and 1.0. Of the noise."),
        ({"own": float("inf")}, "own=inf: expected a finite number. Its own."),
        ({"own": 10**309}, f"own=1{'0' * 56}...: expected a finite number. Its own."),
        ({"steps": 10**309}, f"steps=1{'0' * 56}...: expected a finite number. Training steps."),
        ({"own": 1e31}, "own=1e+31: expected 0 or a number between 1e-30 and 1e+30. Its own."),
        ({"own": 5e-324}, "own=5e-324: expected 0 or a number between 1e-30 and 1e+30. Its own."),
        ({"codes": 10**9}, "codes=1000000000: must be at most 1000000. Classes of a code; 0: none."),
        ({"own": "x"}, "own='x': expected a number. Its own."),
        ({"judge": 3}, "judge=3: expected a word. What judges."),
        ({"judge": ["lstm"]}, "judge=a list: expected a word. What judges."),  # JSON may bring it: it has no hash
        ({"steps": 1.5}, "steps=1.5: expected a whole number. Training steps."),
        ({"steps": True}, "steps=True: expected a whole number. Training steps."),
        ({"processes": 3}, "batch_size=64 does not divide evenly by processes=3: take batch_size=66"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)  # fmt: skip
def test_what_is_refused_and_in_which_words(values, sentence):
    with pytest.raises(ValueError) as error:
        Settings(**values)
    assert str(error.value) == sentence


@pytest.mark.parametrize("kind", [bool, "int"])  # "int": what `from __future__ import annotations` makes of int
def test_a_setting_of_a_type_that_the_command_line_cannot_read_is_refused(kind):
    wrong = make_dataclass("Wrong", [("flag", kind, setting(True, "A flag."))], bases=(RunSettings,))
    with pytest.raises(TypeError, match="^flag: .*: a setting is an int, a float or a str$"):
        wrong()


def test_limits_are_within():
    s = Settings(codes=1, share=1.0, own=0.0, seed=0, steps=1)
    assert (s.share, s.own) == (1.0, 0.0) and replace(s, share=0.0).share == 0.0
    assert Settings(own=2).own == 2  # a whole number is a number


def test_what_a_class_may_bring():
    assert list(list_groups(Settings)) == [
        ("judge=cnn", Convolutions), ("shape=square", Kernels), ("judge=wide", WideConvolutions), ("shape=square", Kernels),
        ("judge=lstm", Recurrence), ("codes given", Codes),
    ]  # fmt: skip


def test_what_a_choice_adds_has_the_defaults_that_it_has_there():
    found = [(choice, [(f.name, f.default) for f in more]) for choice, more in list_additions(Settings)]
    # judge=cnn, shape=square are usual; judge=wide adds nothing to them
    assert found == [("judge=lstm", [("hidden", 32)]), ("codes given", [("share", 0.1)])]

    @defaults(judge="nobody")
    class Quiet(Settings):
        """Settings of a recipe without a judge."""

    found = {choice: [(f.name, f.default) for f in more] for choice, more in list_additions(Quiet)}
    wide = [("kernel", 9), ("channels", 8), ("shape", "square")]
    assert {choice: sorted(more) for choice, more in found.items()} == {
        "judge=cnn": sorted(wide), "judge=wide": sorted(wide), "judge=lstm": [("hidden", 32)], "codes given": [("share", 0.1)]
    }  # fmt: skip


def test_shares_have_chance_of_their_own():
    shares = Settings(processes=4, seed=3, judge="lstm").shares()
    assert [s.batch_size for s in shares] == [16] * 4 and all(s.processes == 1 and s.hidden == 32 for s in shares)
    assert shares[0].seed == 3 and len({s.seed for s in shares}) == 4
    others = Settings(processes=4, seed=4).shares()
    assert not {s.seed for s in shares} & {s.seed for s in others}  # nor is it that of the run with the next seed


# --- every recipe ------------------------------------------------------------------------------------------------


def reached(kind):
    """Every class of settings that choices of `kind` can make of it, and values that do."""
    todo, seen = [{}], {}
    while todo:
        values = todo.pop()
        found = kind.choose(values)
        if found in seen:
            continue
        seen[found] = values
        for f in fields(found):
            todo += [{**values, f.name: value} for value in f.metadata["choices"] or () if f.metadata["groups"]]
            if f.metadata["groups"] and not f.metadata["choices"]:
                todo.append({**values, f.name: f.type(1)})
    return seen


@pytest.mark.parametrize("name", recipes.names())
def test_every_setting_of_a_recipe_says_what_it_is_and_has_a_default_that_it_may_take(name):
    kind = recipes.load(name).Settings
    kinds = reached(kind)
    assert kind.choose({}) in kinds
    for found in kinds:
        for f in fields(found):
            assert f.metadata["meaning"].endswith(".") and f.type in (int, float, str), f.name
    s = kind()
    assert pickle.loads(pickle.dumps(s)) == s == kind(**asdict(s))
    groups = [group for _, group in list_groups(kind)]
    every = {f.name for group in (kind, *groups) for f in fields(group)}
    assert every == set(itertools.chain(*map(names, kinds)))


def test_a_class_without_a_decorator_says_what_it_lacks():
    class Bare(RunSettings):
        size: int = setting(1, "A size.", 1)

    with pytest.raises(TypeError, match="Bare is not a dataclass: write @dataclass or @defaults"):
        Bare()


def test_a_run_that_goes_on_beyond_its_end_does_not_begin_its_first_phase_again():
    s = Phases(steps=90, first=0.4)
    longer = s.prolong(120)
    assert (longer.steps, round(longer.first * 120), longer.fall) == (120, 36, 0.5)
    assert s.prolong(30) == Phases(steps=30, first=0.4)  # a shorter one is as if it had been so from the beginning
    assert Phases(steps=90, first=1.0).prolong(120).first == 1.0  # there was no second phase
    assert Phases(steps=90, first=0.0).prolong(120).first == 0.0


@pytest.mark.parametrize("name, phase", [
    ("pix2pix", "pixel_steps"), ("superres", "pixel_steps"), ("text2image", "listening_steps"), ("caption", "imitation"),
])  # fmt: skip
def test_the_phases_of_recipes_end_where_they_did(name, phase):
    s = recipes.load(name).Settings()
    steps = lambda s: s.imitation * s.steps if phase == "imitation" else getattr(s, phase)
    assert 0 < steps(s) < s.steps and steps(s.prolong(3 * s.steps)) == pytest.approx(steps(s), abs=0.01)
