"""`roundelay voice say | transcribe | ask`: a pipeline of engines on the command line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roundelay.errors import BadInput
from roundelay.voice.cli.codec import FORCE, OUT, free
from roundelay.voice.cli.engines import ENGINE, load, with_voice

if TYPE_CHECKING:
    from roundelay.voice.interfaces import Segment, Transcript, Word
    from roundelay.voice.pipeline import Pipeline
    from roundelay.voice.voices import Voice

LONG_S = 3.0  # after which a person is told why
VOICE = click.option("--voice", metavar="NAME|ref.wav", help="A built-in voice, or a recording to sound like.")
SEED = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed says the same text the same way.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@contextmanager
def patience() -> Iterator[None]:
    """Say why, where recognition takes long: the first time on a machine, numba compiles the search."""
    from roundelay.console import note

    late = threading.Timer(LONG_S, note, ["listening; the first time on a machine the search is compiled, in 20 s"])
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()


def bar(label: str) -> Callable[[Sequence[Any]], Iterable[Any]]:
    """A progress bar over the pieces of a long text or recording."""
    from roundelay.console import progress

    return lambda pieces: progress(pieces, label, len(pieces))


@click.command()
@click.argument("text")
@OUT
@VOICE
@SEED
@ENGINE
@click.option("--stream", is_flag=True, help="Write the sound as it is made, and say when the first came.")
@FORCE
def say(
    text: str, out: Path, voice: str | None, seed: int, engines: tuple[str, ...], stream: bool, force: bool
) -> None:
    """Write the sound of TEXT; "-" reads it from standard input."""
    import sys
    import time

    from roundelay.console import note
    from roundelay.voice.audio import check_writable, writing
    from roundelay.voice.interfaces import CallOptions

    free(out, force)
    check_writable(out)
    text = sys.stdin.read() if text == "-" else text
    pipeline = load(with_voice(engines, voice), "synthesizer")
    named, options = _voice(pipeline, voice), CallOptions(progress=bar("saying"))
    if not stream:
        audio = pipeline.say(text, named, seed=seed, options=options)
        audio.write(out, force=force)
        note(f"{audio.duration_s:.2f} s: {out}")
        return
    started, first_ms, duration_s = time.monotonic(), 0.0, 0.0
    with writing(out, pipeline.synthesizer.rate_hz, force=force) as write:
        for block in pipeline.stream(text, named, seed=seed, options=options):
            first_ms = first_ms or 1000 * (time.monotonic() - started)
            write(block.samples)
            duration_s += block.duration_s
    note(f"first sound after {first_ms:.0f} ms, the last after {time.monotonic() - started:.1f} s")
    note(f"{duration_s:.2f} s: {out}")


@click.command()
@click.argument("sound", type=click.Path(path_type=Path))
@ENGINE
@AS_JSON
def transcribe(sound: Path, engines: tuple[str, ...], as_json: bool) -> None:
    """Print the words said in a SOUND file; as JSON with language, segments and words where the engine gives them."""
    from roundelay.console import print_json
    from roundelay.voice.audio_file import AudioFile
    from roundelay.voice.interfaces import CallOptions

    audio = AudioFile.open(sound)
    with patience():
        heard = load(engines, "transcriber").transcribe(audio, CallOptions(progress=bar("listening")))
    if as_json:
        print_json(transcript_json(heard) | {"duration_s": round(audio.duration_s, 3)})
    else:
        click.echo(heard.text)


def transcript_json(heard: Transcript) -> dict[str, Any]:
    """A transcript as `--json` prints it: text, language, segments and words, with times in seconds."""

    def timed(part: Segment | Word) -> dict[str, Any]:
        row = {"text": part.text, "start_s": round(part.start_s, 3), "end_s": round(part.end_s, 3)}
        return row if part.confidence is None else row | {"confidence": round(part.confidence, 3)}

    return {
        "text": heard.text,
        "language": heard.language,
        "segments": [timed(segment) for segment in heard.segments],
        "words": [timed(word) for segment in heard.segments for word in segment.words],
    }


@click.command()
@click.argument("question", type=click.Path(path_type=Path))
@OUT
@VOICE
@SEED
@ENGINE
@AS_JSON
@FORCE
def ask(
    question: Path, out: Path, voice: str | None, seed: int, engines: tuple[str, ...], as_json: bool, force: bool
) -> None:
    """Answer the spoken QUESTION: print what was heard and what is said, and write its sound."""
    from roundelay.console import print_json
    from roundelay.voice.audio import check_writable
    from roundelay.voice.audio_file import AudioFile

    free(out, force)
    check_writable(out)
    asked = AudioFile.open(question)
    pipeline = load(with_voice(engines, voice), "transcriber", "responder", "synthesizer")
    with patience():
        reply = pipeline.ask(asked, _voice(pipeline, voice), seed=seed)
    heard, response = reply.transcript.text, reply.response
    if not heard:
        raise BadInput("question", question, "holds no words that could be heard; record it again, nearer or louder")
    reply.audio().write(out, force=force)
    if as_json:
        print_json({"heard": heard, "call": response.skill, "text": response.text, "out": str(out)})
    else:
        click.echo(f"heard: {heard}\nsays:  {response.text}")


def _voice(pipeline: Pipeline, name: str | None) -> Voice | None:
    """The voice that `--voice` names."""
    from roundelay.voice.engines.registry import engine_with_voice
    from roundelay.voice.voices import Voice

    if name is not None and engine_with_voice(name) == pipeline.synthesizer.name:
        return Voice(name)  # also one that is no entry of the list, as a mixture of voices
    return None if name is None else Voice.named(name, [voice.name for voice in pipeline.voices()])
