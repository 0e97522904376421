"""The tones of a telephone's keys: spoken by one service, and recognised by the other.

Spec: ITU-T Q.23 (each key is the sum of one low and one high tone)
"""

import math
import sys
from array import array
from collections.abc import Sequence

LOW = (697, 770, 852, 941)
HIGH = (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"

WINDOWS_A_SECOND = 40  # 25 ms: long enough to tell 697 Hz from 770 Hz, short enough for a tone

_TONE_SECONDS = 0.1  # and as much silence behind it
_AMPLITUDE = 8000
_SILENCE = 500**2  # a mean square below this is nobody's tone
_SHARE = 0.25  # of a window's energy that each of the two tones has to hold: a pure one has half


def tone(key: str, rate: int) -> bytes:
    """Returns a key's tone and the silence after it, as LINEAR16.

    Args:
        key: one of KEYS.
        rate: samples a second.
    """
    row, column = divmod(KEYS.index(key), len(HIGH))
    step = 2 * math.pi / rate
    sounding = int(rate * _TONE_SECONDS)
    samples = array("h", bytes(4 * sounding))
    for number in range(sounding):
        low, high = (math.sin(step * hertz * number) for hertz in (LOW[row], HIGH[column]))
        samples[number] = int(_AMPLITUDE * (low + high))
    return _swapped(samples).tobytes()


def samples_of(data: bytes) -> "array[int]":
    """Returns LINEAR16 as numbers; an odd byte at the end is left out."""
    return _swapped(array("h", data[: len(data) // 2 * 2]))


def _swapped(samples: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


class Listener:
    """Hears keys in samples, window by window.

    Args:
        rate: samples a second.

    Attributes:
        keys: those that were heard so far.
    """

    def __init__(self, rate: int) -> None:
        self.keys = ""
        self.window = rate // WINDOWS_A_SECOND
        self._low = [2 * math.cos(2 * math.pi * hertz / rate) for hertz in LOW]
        self._high = [2 * math.cos(2 * math.pi * hertz / rate) for hertz in HIGH]
        self._sounding = ""

    def hear(self, samples: Sequence[int]) -> None:
        """Hears the next samples."""
        for start in range(0, len(samples) - self.window + 1, self.window):
            key = self._key(samples[start : start + self.window])
            if key != self._sounding:
                self.keys += key
            self._sounding = key

    def _key(self, window: Sequence[int]) -> str:
        energy = sum(sample * sample for sample in window)
        if energy < _SILENCE * len(window):
            return ""
        enough = _SHARE * energy * len(window) / 2
        row, column = (_loudest(window, tones, enough) for tones in (self._low, self._high))
        return "" if row is None or column is None else KEYS[row * len(HIGH) + column]


def _loudest(window: Sequence[int], tones: Sequence[float], enough: float) -> int | None:
    powers = [_power(window, coefficient) for coefficient in tones]
    loudest = max(range(len(powers)), key=powers.__getitem__)
    return loudest if powers[loudest] >= enough else None


def _power(window: Sequence[int], coefficient: float) -> float:
    """Goertzel's algorithm: how much of one frequency there is."""
    last = before = 0.0
    for sample in window:
        last, before = sample + coefficient * last - before, last
    return last * last + before * before - coefficient * last * before
