"""Work for a processor, minutes long, in a process of its own: which notes are in a recording, and when?

A speech model would take the place of `note_of`. Cancelling kills the process, whatever it computes.
"""

import math
import wave
from array import array
from collections.abc import Iterator
from itertools import groupby

from pydantic import BaseModel

from outlast import Outlast, Permanent, Upload, step, track

NOTES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
WINDOW = 0.25
"""Seconds that one note is looked for in."""
SILENCE = 300
"""The mean loudness, of 32,768, below which there is no note."""

outlast = Outlast(title="Transcription")


class Line(BaseModel):
    start: float
    """Seconds from the beginning."""
    note: str


def note_of(samples: "array[int]", rate: int) -> str:
    """Return the note whose frequency is strongest, of the four octaves from the C of 131 Hz on."""
    if sum(map(abs, samples)) < SILENCE * len(samples):
        return "silence"

    def strength(number: int) -> float:  # Goertzel's algorithm
        turn = 2 * math.cos(2 * math.pi * 440 * 2 ** ((number - 57) / 12) / rate)
        before = now = 0.0
        for sample in samples:
            before, now = now, sample + turn * now - before
        return before**2 + now**2 - turn * before * now

    return NOTES[max(range(36, 84), key=strength) % 12]


def windows(recording: wave.Wave_read, frames: int) -> "Iterator[array[int]]":
    while samples := recording.readframes(frames):
        yield array("h", samples)


@step("Listening")
def listen(audio: Upload) -> list[str]:
    with audio.open() as file, wave.open(file, "rb") as recording:
        rate, frames = recording.getframerate(), round(recording.getframerate() * WINDOW)
        if recording.getsampwidth() != 2 or recording.getnchannels() != 1:
            raise Permanent("Give a recording of one channel with 16 bits.")
        count = math.ceil(recording.getnframes() / frames)
        return [note_of(samples, rate) for samples in track(windows(recording, frames), count, "Listening")]


@step("Writing it down")
def write(notes: list[str]) -> list[Line]:
    runs = groupby(enumerate(notes), key=lambda heard: heard[1])
    return [Line(start=next(run)[0] * WINDOW, note=note) for note, run in runs]


@outlast.analysis("transcript", steps=[listen, write], isolation="process", timeout=3600)
def transcribe(audio: Upload) -> list[Line]:
    return write(listen(audio))


app = outlast.asgi()
