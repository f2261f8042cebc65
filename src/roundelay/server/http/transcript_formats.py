"""A transcript as the response of `/v1/audio/transcriptions`: json, text, subtitles, verbose_json."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from roundelay.voice.interfaces import Segment, Transcript

LEAST_CONFIDENCE = 1e-6  # whose logarithm is still a number
ENGLISH = "english"  # a language's name, as OpenAI has it; others are given by their code


def response(
    shape: str, transcript: Transcript, seconds: float, granularities: Collection[str], headers: dict[str, str]
) -> Response:
    """The transcript of a recording of that length in a format of `/v1/audio/transcriptions`."""
    if shape == "text":
        return PlainTextResponse(transcript.text + "\n", headers=headers)
    if shape in ("srt", "vtt"):
        return PlainTextResponse(subtitles(segments(transcript, seconds), shape), headers=headers)
    body: dict[str, Any] = {"text": transcript.text}
    if shape == "verbose_json":
        body = verbose(transcript, seconds, granularities)
    return JSONResponse({**body, "usage": {"type": "duration", "seconds": round(seconds, 3)}}, headers=headers)


def segments(transcript: Transcript, seconds: float) -> tuple[Segment, ...]:
    """The segments of a transcript; the whole is one where the engine knows none."""
    if transcript.segments or not transcript.text:
        return transcript.segments
    return (Segment(transcript.text, 0.0, seconds, confidence=transcript.confidence),)


def verbose(transcript: Transcript, seconds: float, granularities: Collection[str]) -> dict[str, Any]:
    """A transcript with its segments, its words, or both; segments where nothing is asked for."""
    language = ENGLISH if transcript.language in (None, "en") else transcript.language
    body: dict[str, Any] = {"task": "transcribe", "language": language, "duration": round(seconds, 3)}
    body["text"] = transcript.text
    found = segments(transcript, seconds)
    if "word" in granularities:
        body["words"] = [
            {"word": word.text.strip(), "start": round(word.start_s, 3), "end": round(word.end_s, 3)}
            for each in found
            for word in each.words
        ]
    if "segment" in granularities or not granularities:
        body["segments"] = [_segment(at, each) for at, each in enumerate(found)]
    return body


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    """OpenAI's shape. Its likelihood is made from the confidence, 0 where the engine gives none; a segment is speech,
    so that what it asks of silence and repetition is neutral.
    """
    sure = 1.0 if segment.confidence is None else max(segment.confidence, LEAST_CONFIDENCE)
    return {
        "id": number,
        "seek": round(segment.start_s * 100),
        "start": round(segment.start_s, 3),
        "end": round(segment.end_s, 3),
        "text": segment.text.strip(),
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(math.log(sure), 4),
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }


def subtitles(found: Collection[Segment], shape: str) -> str:
    """The segments as cues of "srt" or "vtt"."""
    mark = "," if shape == "srt" else "."

    def at(time_s: float) -> str:
        whole, part = divmod(round(time_s * 1000), 1000)
        return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{part:03}"

    cues = []
    for number, each in enumerate(found, 1):
        line = each.text.strip().replace("-->", "→")  # an arrow in the text would break the cue's time line
        head = f"{number}\n" if shape == "srt" else ""
        cues.append(f"{head}{at(each.start_s)} --> {at(each.end_s)}\n{line}\n")
    body = "\n".join(cues)
    if shape == "vtt":
        return f"WEBVTT\n\n{body}"
    return f"{body}\n" if body else ""
