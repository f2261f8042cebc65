"""Transcripts with several segments and words in every format of the transcription API."""

from __future__ import annotations

import json
from typing import Any

from roundelay.server.http.transcript_formats import response
from roundelay.voice.interfaces import Segment, Transcript, Word

HELLO = Segment("Hello there.", 0.5, 1.25, (Word("Hello", 0.5, 0.8), Word(" there.", 0.9, 1.25)), 0.5)
LATER = Segment(" A --> B", 61.0, 62.5, (Word("A", 61.0, 61.2), Word("B", 62.0, 62.5)))
TWO = Transcript("Hello there. A --> B", (HELLO, LATER), "en", 0.7)


def body(shape: str, transcript: Transcript = TWO, *granularities: str) -> Any:
    made = response(shape, transcript, 63.0, granularities, {}).body.decode()
    return json.loads(made) if "json" in shape else made


def test_subtitles_have_a_cue_for_each_segment() -> None:
    assert body("srt") == (
        "1\n00:00:00,500 --> 00:00:01,250\nHello there.\n\n2\n00:01:01,000 --> 00:01:02,500\nA → B\n\n"
    )
    assert body("vtt") == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.250\nHello there.\n\n00:01:01.000 --> 00:01:02.500\nA → B\n"
    )


def test_verbose_has_what_is_asked_for() -> None:
    plain = body("verbose_json")
    assert plain["language"] == "english" and plain["duration"] == 63.0 and "words" not in plain
    assert [(each["id"], each["start"], each["text"]) for each in plain["segments"]] == [
        (0, 0.5, "Hello there."),
        (1, 61.0, "A --> B"),
    ]
    assert [each["avg_logprob"] for each in plain["segments"]] == [-0.6931, 0.0]
    words = body("verbose_json", TWO, "word")
    assert "segments" not in words
    assert words["words"][1] == {"word": "there.", "start": 0.9, "end": 1.25} and len(words["words"]) == 4
    both = body("verbose_json", TWO, "segment", "word")
    assert len(both["segments"]) == 2 and len(both["words"]) == 4
    assert body("verbose_json", Transcript("salut", language="fr"))["language"] == "fr"


def test_a_transcript_without_segments_is_one_and_silence_none() -> None:
    assert body("verbose_json", Transcript("hello"))["segments"][0]["end"] == 63.0
    nothing = Transcript("")
    assert body("verbose_json", nothing, "word", "segment")["segments"] == []
    assert (body("srt", nothing), body("vtt", nothing), body("text", nothing)) == ("", "WEBVTT\n\n", "\n")
    assert body("json")["usage"] == {"type": "duration", "seconds": 63.0}
