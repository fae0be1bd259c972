"""Text: lines by name (`corpora.py`), their numbering (`vocabulary.py`), prompts with replies (`dialogue.py`)."""

from .corpora import captions, made_captions, made_names, names, small_text
from .dialogue import TOPICS, clock_words, is_right, number_words, read_pairs, small_talk, topic_of
from .vocabulary import END, LEVELS, PAD, UNKNOWN, Vocabulary, count_tokens, join, plain_words, tokens, words

__all__ = [
    "END", "LEVELS", "PAD", "TOPICS", "UNKNOWN", "Vocabulary", "captions", "clock_words", "count_tokens", "is_right", "join",
    "made_captions", "made_names", "names", "number_words", "plain_words", "read_pairs", "small_talk", "small_text", "tokens",
    "topic_of", "words",
]  # fmt: skip
