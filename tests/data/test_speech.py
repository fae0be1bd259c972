"""Spoken digits: who says what in which part, words in slots, texts, utterances; folders that are spoiled."""

import shutil
from collections import Counter

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data import DataError, formants, gather_notes, speech
from tinygan.data.files import find_file
from tinygan.data.spectra import log_spectrogram
from tinygan.data.speech import LOUDNESS, RATE, SLOT, made_recordings, read_digits, recordings, spell, texts, utter
from tinygan.data.waves import write_wave


@pytest.fixture
def folder(tmp_path):
    """Two takes of ten digits by three speakers, tones whose pitch is the digit's."""
    for digit in range(10):
        for k, name in enumerate(("ann", "bob_b", "cy")):
            for take in (4, 17):
                tone = np.sin(2 * np.pi * (200 + 50 * digit) * np.arange(2000 + 100 * k) / RATE)
                write_wave(tmp_path / f"{digit}_{name}_{take}.wav", 0.1 * (k + 1) * np.pad(tone, (500, 900)), RATE)
    return tmp_path


def parts(read):
    return {part: read(part) for part in speech.PARTS}


def test_parts_of_the_real_recordings():
    try:
        find_file("speech")
    except DataError as error:
        pytest.skip(str(error))
    found = parts(recordings)
    assert {part: len(r.sounds) for part, r in found.items()} == {"train": 600, "takes": 150, "speaker": 150}
    names = found["train"].names
    assert names == ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    assert {names[k] for k in found["speaker"].speakers} == {"yweweler"} and set(found["takes"].takes) == {0, 1, 2}
    assert not {"yweweler"} & {names[k] for part in ("train", "takes") for k in found[part].speakers}
    assert not set(found["train"].takes) & {0, 1, 2}


@pytest.mark.parametrize("source", ["made", "folder"])
def test_no_recording_is_in_two_parts_and_all_words_are_alike_in_form(source, folder):
    found = parts(made_recordings if source == "made" else lambda part: recordings(part, folder))
    keys = [key for r in found.values() for key in zip(r.digits.tolist(), r.speakers.tolist(), r.takes.tolist())]
    assert len(keys) == len(set(keys)) == (600 if source == "made" else 60)
    strangers = set(found["speaker"].speakers.tolist())
    assert strangers == {len(found["train"].names) - 1}
    for part in ("train", "takes"):
        assert set(found[part].digits.tolist()) == set(range(10)) and not strangers & set(found[part].speakers.tolist())
    assert not set(found["train"].takes.tolist()) & set(found["takes"].takes.tolist())
    for r in found.values():
        assert r.sounds.shape == (len(r.digits), SLOT) and r.sounds.dtype == np.float32
        assert np.abs(r.sounds).max() <= 1
        for sound in r.sounds[::7]:
            word = sound[: np.flatnonzero(sound)[-1] + 1]
            assert np.sqrt(np.square(word).mean()) == pytest.approx(LOUDNESS, rel=0.05) or np.abs(word).max() > 0.98
    with pytest.raises(ValueError, match="no part 'test' of the recordings"):
        made_recordings("test")


def test_silence_at_the_ends_is_cut_off_and_long_words_are_cut():
    tone = np.sin(np.arange(2000) / 3).astype(np.float32)
    trimmed = speech.trim(np.concatenate([np.zeros(700), tone, 1e-3 * tone]).astype(np.float32))
    assert 2000 <= len(trimmed) <= 2000 + 4 * RATE // 100
    assert len(speech.trim(np.zeros(99, np.float32))) == 0
    long = speech.fit(np.tile(tone, 4))
    assert long.shape == (SLOT,) and long[-1] == 0 and np.abs(long[-500:-200]).max() > 0.1


# --- the synthesiser ---------------------------------------------------------------------------------------------


def test_a_voice_sounds_at_its_pitch_and_a_vowel_at_its_formants():
    """The strongest frequencies of `two`, one vowel, lie at the formants; its harmonics are a pitch apart."""
    sound = formants.say("two", "bass", 3)[1500:]
    energy = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 15)) ** 2
    f = np.fft.rfftfreq(1 << 15, 1 / RATE)
    pitch, size = formants.VOICES["bass"]
    again = np.fft.irfft(energy)  # the autocorrelation
    low, high = int(RATE / pitch / 1.4), int(RATE / pitch * 1.4)
    assert RATE / (low + again[low:high].argmax()) == pytest.approx(pitch, rel=0.2)
    around = lambda centre: energy[np.abs(f - centre) < 150].mean()
    vowel = formants.PHONES["UW"]
    assert around(vowel.first * size) > 30 * around(1700) and around(vowel.second * size) > 3 * around(1700)


def test_takes_differ_and_are_the_same_again():
    first, second, again = (formants.say("five", "alto", take) for take in (0, 1, 0))
    assert np.array_equal(first, again) and len(first) != len(second)
    assert abs(first[0]) < 0.02 * np.abs(first).max() and abs(first[-1]) < 0.05 * np.abs(first).max(), "it clicks"


def test_a_hiss_is_high_and_a_vowel_low():
    drawn = log_spectrogram(formants.say("six", "tenor", 0) / 10)
    first, vowel = drawn[:, 3:8].mean(1), drawn[:, 15:22].mean(1)
    assert first[80:120].mean() > 3 * first[:30].mean() and vowel[:30].mean() > 3 * vowel[100:].mean()


# --- texts and utterances ----------------------------------------------------------------------------------------


def test_pairs_are_held_out_and_every_word_has_some():
    shown = speech.follows(np.arange(10)[:, None], np.arange(10))
    assert (shown.sum(0) == 8).all() and (shown.sum(1) == 8).all()
    for part, wanted in {"train": True, "held_out": False}.items():
        text = texts(part, 500, 4, stream(0, "texts"))
        assert text.shape == (500, 4) and (speech.follows(text[:, :-1], text[:, 1:]) == wanted).all()
        assert np.bincount(text.ravel(), minlength=10).min() > 120
    assert texts("held_out", 500, 1, stream(0, "texts")).shape == (500, 1)
    with pytest.raises(ValueError, match="no part 'x' of the texts"):
        texts("x", 1, 1, stream(0, "texts"))


def test_an_utterance_says_its_text_by_its_speaker(folder):
    spoken = recordings("train", folder)
    text, speakers = np.array([[0, 9, 3], [5, 5, 1]]), np.array([1, 0])
    sound = utter(spoken, text, speakers, stream(0, "utter"))
    assert sound.shape == (2, 3 * SLOT)
    lengths = {0: 2000, 1: 2100}
    for row, speaker in zip(sound.reshape(2, 3, SLOT), speakers):
        for word in row:
            on = np.flatnonzero(word)
            assert on[-1] - on[0] == pytest.approx(lengths[speaker], abs=4 * RATE // 100)
    strongest = np.abs(np.fft.rfft(sound.reshape(6, SLOT))).argmax(1) * RATE / SLOT
    np.testing.assert_allclose(strongest, 200 + 50 * text.ravel(), atol=8)
    starts = [np.flatnonzero(utter(spoken, np.array([[1]]), np.array([0]), stream(k, "u")))[0] for k in range(8)]
    assert len(set(starts)) > 4 and max(starts) <= 480 + 90
    with pytest.raises(ValueError, match="speaker 2 has no recording of zero"):
        utter(spoken, text, np.array([2, 2]), stream(0, "utter"))


def test_texts_are_read():
    for digits in ([0], [3, 1, 4], list(range(10)) * 2):
        assert read_digits(spell(digits)) == digits
    assert read_digits(" TWO, seven. 42 - 0! 1?") == [2, 7, 4, 2, 0, 1]
    assert read_digits(spell(range(10))) == list(range(10))
    wrong = {"": "no word", "trhee": "did you mean three", "hello": "expected words of zero one", "²": "expected"}
    for text, said in wrong.items():
        with pytest.raises(DataError, match=said):
            read_digits(text)


# --- folders -----------------------------------------------------------------------------------------------------


def test_what_is_left_out_of_a_folder_is_said(folder):
    write_wave(folder / "hello.wav", np.ones(900), RATE)
    write_wave(folder / "3_ann_99.wav", np.zeros(900), RATE)
    write_wave(folder / "7_ann_98.wav", np.full(9000, 0.5), RATE)
    write_wave(folder / "7_ann_99.wav", np.ones(1), RATE)
    (folder / "4_ann_99.wav").write_bytes(b"RIFF")
    shutil.copy(folder / "1_ann_4.wav", folder / "1_ann_x.wav")
    write_wave(folder / "5_ann_99.wav", np.sin(np.arange(9000)), RATE)
    write_wave(folder / "6_ann_99.wav", np.sin(np.arange(9000) / 9), 16_000)
    with gather_notes() as notes:
        found = parts(lambda part: recordings(part, folder))
    assert sum(len(r.sounds) for r in found.values()) == 62 and found["train"].names == ("ann", "bob_b", "cy")
    assert notes == [
        "left out: 1_ann_x.wav, hello.wav: not called DIGIT_SPEAKER_TAKE.wav",
        "left out: 3_ann_99.wav, 7_ann_98.wav, 7_ann_99.wav: silent",
        "left out: 4_ann_99.wav: not a WAV file, which begins with RIFF and WAVE; save it as WAV",
        f"read: 62 of 68 recordings in {folder.name}",
        "cut: 1 words longer than 0.64 s",
    ]


def test_each_word_has_takes_held_out_however_speakers_number_theirs(folder):
    for path in folder.glob("*_bob_b_*"):
        digit, take = path.stem[0], int(path.stem.rpartition("_")[2])
        path.rename(folder / f"{digit}_bob_b_{100 + take}.wav")
    for k in range(9):
        shutil.copy(folder / "3_ann_17.wav", folder / f"3_ann_{20 + k}.wav")
    found = parts(lambda part: recordings(part, folder))
    for part, takes_of_three in {"train": 8, "takes": 3}.items():
        count = Counter(zip(found[part].digits.tolist(), found[part].speakers.tolist()))
        assert count == {(digit, who): 1 for digit in range(10) for who in range(2)} | {(3, 0): takes_of_three}
    held = found["takes"].where((found["takes"].digits == 3) & (found["takes"].speakers == 0))
    assert sorted(held.takes.tolist()) == [4, 17, 20]


def test_folders_that_will_not_do(folder, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(folder / "none"))
    with pytest.raises(DataError, match="speech: not found"):
        recordings("train")
    with pytest.raises(DataError, match="no folder of recordings"):
        recordings("train", folder / "none")
    for take in (4, 17):
        (folder / f"7_ann_{take}.wav").unlink()
        with pytest.raises(DataError, match="fewer than two takes of 7_ann: one is learned, another is held out"):
            recordings("train", folder)
        speech._read_folder.cache_clear()
    for path in folder.iterdir():
        path.rename(path.with_name("x" + path.name))
    with pytest.raises(DataError, match="none of 58 recordings can be read"):
        recordings("train", folder)
