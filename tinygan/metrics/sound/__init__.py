"""Sound: pieces of music (`music.py`); what is said, and by whom (`hearing.py`); level, pitch, colour (`listening.py`)."""

from .hearing import Recogniser, frechet_scores, hear, recogniser
from .listening import levels, mel_cepstra, mel_cepstral_distance, nearest_take, pitch, pitch_statistics, sound_scores
from .music import agreement, music_scores, part_writing

__all__ = [
    "Recogniser", "agreement", "frechet_scores", "hear", "levels", "mel_cepstra", "mel_cepstral_distance", "music_scores",
    "nearest_take", "part_writing", "pitch", "pitch_statistics", "recogniser", "sound_scores",
]  # fmt: skip
