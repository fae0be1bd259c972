"""What a terminal is shown: characters that it lacks are spelled, and NumPy's warnings are not for its reader."""

import codecs
import sys
import unicodedata
import warnings
from typing import Any

SPELL = "tinygan.spell"  # the error handler of consoles that lack a character
_SPELLED = {
    "–": "-", "—": "-", "−": "-", "⁻": "-", "·": ".", "×": "x", "±": "+-", "≥": ">=", "≤": "<=", "→": "->", "’": "'",
    "√": "root ", "Σ": "sum", "π": "pi", "σ": "sigma", "λ": "lambda", "γ": "gamma", "∞": "inf", "█": "#", "▏": "|",
}  # fmt: skip


def spell(error: Any) -> tuple[str, int]:
    """Return what stands for characters that a console's encoding lacks, as ASCII: ² is 2, é is e, ≥ is >=."""
    ascii_of = lambda c: unicodedata.normalize("NFKD", c).encode("ascii", "ignore").decode()
    letters = error.object[error.start : error.end]
    return "".join(_SPELLED.get(c) or ascii_of(c) or "?" for c in letters), error.end


codecs.register_error(SPELL, spell)


def prepare_console() -> None:
    """Let this process print anything on any console."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=SPELL)
    warnings.filterwarnings("ignore", category=RuntimeWarning)  # what is not finite is said by whoever meets it
