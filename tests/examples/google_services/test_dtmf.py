"""The tones of a telephone's keys."""

import math
from array import array

import pytest

from examples.google_services.dtmf import KEYS, Listener, samples_of, tone


def heard(audio: bytes, rate: int) -> str:
    listener = Listener(rate)
    listener.hear(samples_of(audio))
    return listener.keys


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
def test_every_key_is_recognised(rate: int) -> None:
    assert heard(b"".join(tone(key, rate) for key in KEYS), rate) == KEYS


@pytest.mark.parametrize("late", [1, 37, 99, 100, 150])
def test_a_tone_that_begins_within_a_window_is_recognised(late: int) -> None:
    audio = bytes(2 * late) + tone("7", 8000) + tone("7", 8000) + tone("0", 8000)
    assert heard(audio, 8000) == "770"


def test_a_key_that_is_held_is_one_key() -> None:
    sounding = tone("5", 8000)[: 2 * 800]
    assert heard(sounding * 3, 8000) == "5"


@pytest.mark.parametrize("hertz", [440, 697, 1209])
def test_one_tone_alone_is_no_key(hertz: int) -> None:
    level = [int(9000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(8000)]
    assert heard(array("h", level).tobytes(), 8000) == ""


@pytest.mark.parametrize("audio", [b"", b"\0", bytes(16000), b"\1\0" * 8000])
def test_silence_is_no_key(audio: bytes) -> None:
    assert heard(audio, 8000) == ""
