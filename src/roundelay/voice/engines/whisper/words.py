"""Segments with their words' times, by the decoder's attention to the encoder's output (faster-whisper's alignment)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from roundelay.voice.engines.whisper.decoding import BEFORE_S, Decoded, Span
from roundelay.voice.engines.whisper.model import OpenModel
from roundelay.voice.interfaces import Segment, Word


def segments(model: OpenModel, tokenizer: Any, decoded: Decoded, start_s: float, end_s: float) -> Iterator[Segment]:
    """Yield a segment for every span of a window that starts at `start_s` and whose sound ends at `end_s`."""
    spans = [list(span.tokens) for span in decoded.spans]
    aligned = model.whisper.find_alignment(
        tokenizer, [[token for tokens in spans for token in tokens]], decoded.encoded, decoded.frames
    )
    rows = list(aligned[0]) if aligned else []
    for span in decoded.spans:
        mine, count = [], 0
        while rows and count < len(span.tokens):
            count += len(rows[0]["tokens"])
            mine.append(rows.pop(0))
        if text := tokenizer.decode(list(span.tokens)).strip():
            words = tuple(_words(mine, start_s, end_s))
            sure = [word.confidence for word in words if word.confidence is not None]
            confidence = sum(sure) / len(sure) if sure else None
            yield Segment(text, *_times(span, words, start_s, end_s), words, confidence)


def _times(span: Span, words: Sequence[Word], start_s: float, end_s: float) -> tuple[float, float]:
    if words:
        return words[0].start_s, max(words[-1].end_s, words[0].start_s)
    return round(start_s + span.start_s, 3), round(min(end_s, start_s + span.end_s), 3)


def _words(rows: Sequence[dict[str, Any]], start_s: float, end_s: float) -> Iterator[Word]:
    """Yield the words of alignment rows; a row of signs alone belongs to the word before it."""
    made: list[tuple[str, float, float, float]] = []
    for row in rows:
        text, probability = str(row["word"]), float(row["probability"])
        first, last = (min(end_s, start_s + max(0.0, float(row[key]) - BEFORE_S)) for key in ("start", "end"))
        if made and not any(map(str.isalnum, text)):
            before = made[-1]
            made[-1] = (before[0] + text.strip(), *before[1:])
        else:
            made.append((text.strip(), first, last, probability))
    for text, first, last, probability in made:
        yield Word(text, round(first, 3), round(last, 3), round(probability, 4))
