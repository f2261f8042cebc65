"""Transcription of audio of any length, piece by piece, by any engine: memory does not grow with the length (ours).

The engine is given pieces of half a minute, cut at pauses (`voice.pieces`), and so keeps its simple protocol: an
`Audio` in, a `Transcript` out. A limit on how long a call may take is one on a piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from roundelay.voice.audio import BLOCK_S, Audio
from roundelay.voice.audio_file import AudioFile
from roundelay.voice.engines import guard
from roundelay.voice.interfaces import CallOptions, Segment, Transcriber, Transcript
from roundelay.voice.pieces import MAX_PIECE_S, Piece, SpeechPieces
from roundelay.voice.vad import RATE_HZ

WHOLE_S = MAX_PIECE_S  # audio that is no longer is given to the engine as it is
MAX_WHOLE_RATE_HZ = 48_000  # of a file: no engine hears more


@dataclass(frozen=True, slots=True)
class _Part:
    """What was said in a piece, and where it stands; the audio is not kept."""

    start_s: float
    duration_s: float
    said: Transcript

    @property
    def segments(self) -> Iterator[Segment]:
        """The segments where they are in the whole; the piece itself where the engine gives none."""
        at, text = self.start_s, self.said.text.strip()
        if not self.said.segments and text:
            yield Segment(text, at, at + self.duration_s, confidence=self.said.confidence)
        for each in self.said.segments:
            words = tuple(replace(word, start_s=word.start_s + at, end_s=word.end_s + at) for word in each.words)
            yield replace(each, start_s=each.start_s + at, end_s=each.end_s + at, words=words)


def transcribe(
    engine: Transcriber,
    source: Audio | AudioFile,
    options: CallOptions,
    limits: guard.Limits = guard.DEFAULT_LIMITS,
) -> Transcript:
    """What is said in audio or in a file of any length; what was transcribed before `cancelled`, not final, after it.

    `options.progress` is asked for every ten seconds of it. Raises `EngineError`, and `BadInput` for a damaged file.
    """
    if not source.longer_than(WHOLE_S):
        if isinstance(source, AudioFile):
            source = Audio.read(source.path, min(source.rate, MAX_WHOLE_RATE_HZ))
        return guard.transcribe(engine, source, options, limits)
    parts: list[_Part] = []
    for piece in _pieces(source, options):
        if options.cancelled():
            break
        said = guard.transcribe(engine, piece.audio, replace(options, progress=iter), limits)
        if said.text.strip():
            parts.append(_Part(piece.start_s, piece.audio.duration_s, said))
    return _joined(parts, final=not options.cancelled())


def _pieces(source: Audio | AudioFile, options: CallOptions) -> Iterator[Piece]:
    """Yield the pieces as they are read, in steps of ten seconds that `options.progress` counts."""
    cutter, blocks = SpeechPieces(), source.blocks(RATE_HZ)
    steps, read = range(-(-int(source.duration_s) // BLOCK_S)), 0
    for step in options.progress(steps):
        while read <= step * BLOCK_S * RATE_HZ and (block := next(blocks, None)) is not None:
            read += len(block)
            yield from cutter.push(block)
        if options.cancelled():
            return
    for block in blocks:  # where the length was not known to the second
        yield from cutter.push(block)
    yield from cutter.finish()


def _joined(parts: list[_Part], *, final: bool) -> Transcript:
    """One transcript of the parts, with times from the start of the whole."""
    languages = [part.said.language for part in parts if part.said.language]
    sure = [(part.said.confidence, part.duration_s) for part in parts if part.said.confidence is not None]
    return Transcript(
        " ".join(part.said.text.strip() for part in parts),
        tuple(segment for part in parts for segment in part.segments),
        max(languages, key=languages.count) if languages else None,
        sum(each * length for each, length in sure) / sum(length for _, length in sure) if sure else None,
        final,
    )
