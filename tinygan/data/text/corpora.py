"""Texts by name: given names and captions from files, names and captions made here, and a small text in the package.

Each function returns a list of lines. `vocabulary.py` turns lines into rows of integers.
"""

from pathlib import Path

from tinygan.backend import stream

from ..files import check_split, find_file, read_lines


def names(split: str = "train", folder: str | Path | None = None) -> list[str]:
    """Return given names of makemore, a-z: 28,843 for training, some of them twice, or 2,949 others ("test").

    The file names.txt comes from `folder`, else from $TINYGAN_DATA/names, else from the web. DataError if none has it.
    """
    check_split(split, ("train", "test"))
    url = "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt"
    sha256 = "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"
    path = find_file("names.txt", folder=folder) if folder else find_file("names/names.txt", url, sha256)
    lines = read_lines(path)
    different = sorted(set(lines))  # a name on two lines must not be in both parts
    order = stream(0, "names split").permutation(len(different))
    held_out = {different[i] for i in order[: len(different) // 10].tolist()}
    return sorted(held_out) if split == "test" else [line for line in lines if line not in held_out]


def captions(split: str = "train", folder: str | Path | None = None) -> list[str]:
    """Return 10,000 captions of pictures ("train"), or Texygen's 10,000 others for BLEU ("test").

    image_coco.txt and test_coco.txt come from `folder`, else from $TINYGAN_DATA/captions. DataError if they are
    missing. Chen et al. 2015 (COCO); Zhu et al. 2018 (Texygen).
    """
    check_split(split, ("train", "test"))
    file = {"train": "image_coco.txt", "test": "test_coco.txt"}[split]
    return read_lines(find_file(file, folder=folder) if folder else find_file(f"captions/{file}"))


# --- made here, without a download -------------------------------------------------------------------------------


def made_names(n: int, seed: int = 0) -> list[str]:
    """Return n invented names of two or three syllables, such as "tamirel"; repetitions occur."""
    rng = stream(seed, "made names")
    pick = lambda parts: parts[rng.integers(len(parts))]
    starts = "b c d f g h j k l m n p r s t v br dr el gr kr or tr".split()
    middles = "l m n r s v d th nd rr".split()
    vowels = "a e i o u a e i ai ia".split()
    ends = ["", "", "n", "l", "r", "s", "th", "na", "ra", "el"]
    return [
        pick(starts)
        + pick(vowels)
        + "".join(pick(middles) + pick(vowels) for _ in range(rng.integers(1, 3)))
        + pick(ends)
        for _ in range(n)
    ]


def made_captions(n: int, seed: int = 0) -> list[str]:
    """Return n sentences of a small grammar, such as "two red boats wait near the old bridge ."; repetitions occur.

    The verb agrees with the number of its subject ("a boat waits", "two boats wait"), so a reader can check the
    grammar.
    """
    rng = stream(seed, "made captions")
    pick = lambda listed: listed.split()[rng.integers(len(listed.split()))]
    lines = []
    for _ in range(n):
        several = rng.random() < 0.4
        one = pick("boat dog child bird train cat horse clock kite cloud")
        subject = (pick("two three some many") if several else "a") + " "
        subject += pick("red small white green young tall") + " " if rng.random() < 0.7 else ""
        subject += {"child": "children"}.get(one, one + "s") if several else one
        verb = pick("wait stand sleep rest stay") + ("" if several else "s")
        place = f"{pick('near under behind beside above')} the {pick('old wide quiet yellow')} "
        lines.append(f"{subject} {verb} {place}{pick('bridge house tree river table station')} .")
    return lines


# Traditional English proverbs and two old Chinese quatrains (Li Bai; Wang Zhihuan, 8th century): in the public domain.
_SMALL_TEXT = """
a bird in the hand is worth two in the bush
a burnt child dreads the fire
a cat may look at a king
a friend in need is a friend indeed
a new broom sweeps clean
a rolling stone gathers no moss
a stitch in time saves nine
a watched pot never boils
actions speak louder than words
all roads lead to rome
all that glitters is not gold
all work and no play makes jack a dull boy
an apple a day keeps the doctor away
as you sow so shall you reap
barking dogs seldom bite
better late than never
birds of a feather flock together
blood is thicker than water
do not count your chickens before they are hatched
do not cross the bridge until you come to it
do not put all your eggs in one basket
early to bed and early to rise makes a man healthy
every cloud has a silver lining
every dog has his day
fine feathers make fine birds
fools rush in where angels fear to tread
great oaks from little acorns grow
half a loaf is better than no bread
haste makes waste
he who laughs last laughs longest
honesty is the best policy
hunger is the best sauce
it never rains but it pours
it takes two to make a quarrel
least said soonest mended
let sleeping dogs lie
look before you leap
make hay while the sun shines
many hands make light work
necessity is the mother of invention
no smoke without fire
one swallow does not make a summer
out of sight out of mind
practice makes perfect
rome was not built in a day
still waters run deep
strike while the iron is hot
the early bird catches the worm
the proof of the pudding is in the eating
there is no place like home
time and tide wait for no man
too many cooks spoil the broth
two heads are better than one
when the cat is away the mice will play
where there is a will there is a way
you cannot make an omelette without breaking eggs
床前明月光
疑是地上霜
举头望明月
低头思故乡
白日依山尽
黄河入海流
欲穷千里目
更上一层楼
"""


def small_text() -> list[str]:
    """Return 64 lines to try a text model on: 56 English proverbs and 8 verses in Chinese. They lie in the package."""
    return _SMALL_TEXT.split("\n")[1:-1]
