"""`roundelay voice say | transcribe | ask | models`: the embedded model on the command line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from roundelay.errors import BadInput
from roundelay.voice.cli.codec import FORCE, OUT, free

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
    """Say why, where hearing takes long: the first time on a machine, numba compiles the search."""
    from roundelay.console import note

    late = threading.Timer(LONG_S, note, ["listening; the first time on a machine the search is compiled, in 20 s"])
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()


def bar(label: str) -> Callable[[list[Any]], Iterator[Any]]:
    """A progress bar over the pieces of a long text or recording."""
    from roundelay.console import progress

    return lambda pieces: progress(pieces, label, len(pieces))


@click.command()
@click.argument("text")
@OUT
@VOICE
@SEED
@click.option("--stream", is_flag=True, help="Write the sound as it is made, and say when the first came.")
@FORCE
def say(text: str, out: Path, voice: str | None, seed: int, stream: bool, force: bool) -> None:
    """Write the sound of TEXT; "-" reads it from standard input."""
    import sys
    import time

    from roundelay.console import note
    from roundelay.voice.audio import writing
    from roundelay.voice.engines.nano.model import Model, no_sound
    from roundelay.voice.tokenizer.frontend import RATE_HZ

    free(out, force)
    text = sys.stdin.read() if text == "-" else text
    model = Model.load()
    if not stream:
        audio = model.say(text, voice, seed, bar("saying"))
        audio.write(out, force=force)
        note(f"{audio.duration_s:.2f} s: {out}")
        return
    started, first_ms, count = time.monotonic(), 0.0, 0
    with writing(out, RATE_HZ, force=force) as write:
        for part in model.say_stream(text, voice, seed, show=bar("saying")):
            first_ms = first_ms or 1000 * (time.monotonic() - started)
            write(part)
            count += len(part)
        if not count:
            raise no_sound(text)
    note(f"first sound after {first_ms:.0f} ms, the last after {time.monotonic() - started:.1f} s")
    note(f"{count / RATE_HZ:.2f} s: {out}")


@click.command()
@click.argument("sound", type=click.Path(path_type=Path))
@AS_JSON
def transcribe(sound: Path, as_json: bool) -> None:
    """Print the words said in a SOUND file."""
    from roundelay.console import print_json
    from roundelay.voice.audio import Audio
    from roundelay.voice.engines.nano.model import Model

    audio = Audio.read(sound)
    with patience():
        text = Model.load().transcribe(audio, show=bar("listening"))
    if as_json:
        print_json({"text": text, "duration_s": round(audio.duration_s, 3)})
    else:
        click.echo(text)


@click.command()
@click.argument("question", type=click.Path(path_type=Path))
@OUT
@VOICE
@SEED
@AS_JSON
@FORCE
def ask(question: Path, out: Path, voice: str | None, seed: int, as_json: bool, force: bool) -> None:
    """Answer the spoken QUESTION: print what was heard and what is said, and write its sound."""
    from roundelay.console import print_json
    from roundelay.voice.audio import Audio
    from roundelay.voice.engines.nano.model import Model

    free(out, force)
    asked, model = Audio.read(question), Model.load()
    with patience():
        reply = model.ask(asked)
    if not reply.heard:
        raise BadInput("question", question, "holds no words that could be heard; record it again, nearer or louder")
    model.say(reply.text, voice, seed).write(out, force=force)
    if as_json:
        print_json({"heard": reply.heard, "call": reply.call, "text": reply.text, "out": str(out)})
    else:
        click.echo(f"heard: {reply.heard}\nsays:  {reply.text}")


def _installed(model: str, folder: Path) -> list[dict[str, Any]]:
    """A row for each weight file of a model; one for the manifest where that is damaged."""
    from roundelay.voice.graphs import DamagedWeightsError, checked, manifest

    try:
        table = manifest(folder)
        rows = [
            {"model": model, "file": name, "bytes": entry["bytes"], "sha256": entry["sha256"]}
            | {"licence": table["licence"], "state": "whole"}
            for name, entry in table["files"].items()
        ]
    except (DamagedWeightsError, KeyError, TypeError):
        return [{"model": model, "file": "manifest.json", "bytes": 0, "sha256": "", "licence": "", "state": "damaged"}]
    for row in rows:
        try:
            checked(row["file"], folder)
        except DamagedWeightsError:
            row["state"] = "damaged"
    return rows


@click.command()
@AS_JSON
def models(as_json: bool) -> None:
    """List what is installed: each weight file with its size, sum and licence, and whether it is whole."""
    from roundelay.console import print_json, print_table
    from roundelay.voice import graphs
    from roundelay.voice.engines.nano import model

    rows = _installed("codec", graphs.PACKAGED) + _installed("language model", model.WEIGHTS)
    if as_json:
        print_json(rows)
    else:
        columns = {name: name for name in ("model", "file", "bytes", "sha256", "licence", "state")}
        print_table([row | {"sha256": row["sha256"][:12]} for row in rows], columns)
