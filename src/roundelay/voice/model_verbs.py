"""`roundelay voice say | transcribe | ask | models`: the embedded model on the command line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

from roundelay.voice.codec_verbs import FORCE, OUT, free

LONG_S = 3.0  # after which a person is told why
VOICE = click.option("--voice", metavar="NAME|ref.wav", help="A built-in voice, or a recording to sound like.")
SEED = click.option("--seed", default=0, show_default=True, help="The same seed says the same text the same way.")
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
    from roundelay.voice.audio import Audio
    from roundelay.voice.model import Model
    from roundelay.voice.tokenizer.frontend import RATE_HZ

    free(out, force)
    text = sys.stdin.read() if text == "-" else text
    model = Model.load()
    if not stream:
        audio = model.say(text, voice, seed, bar("saying"))
    else:
        started, parts, first_ms = time.monotonic(), [], 0.0
        for part in model.say_stream(text, voice, seed, show=bar("saying")):
            first_ms = first_ms or 1000 * (time.monotonic() - started)
            parts.append(part)
        audio = Audio(np.concatenate(parts), RATE_HZ)
        note(f"first sound after {first_ms:.0f} ms, the last after {time.monotonic() - started:.1f} s")
    audio.write(out, force=force)
    note(f"{audio.duration_s:.2f} s: {out}")


@click.command()
@click.argument("sound", type=click.Path(path_type=Path))
@AS_JSON
def transcribe(sound: Path, as_json: bool) -> None:
    """Print the words said in a SOUND file."""
    from roundelay.console import print_json
    from roundelay.voice.audio import Audio
    from roundelay.voice.model import Model

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
    from roundelay.voice.model import Model

    free(out, force)
    asked, model = Audio.read(question), Model.load()
    with patience():
        reply = model.ask(asked)
    model.say(reply.text, voice, seed).write(out, force=force)
    if as_json:
        print_json({"heard": reply.heard, "call": reply.call, "text": reply.text, "out": str(out)})
    else:
        click.echo(f"heard: {reply.heard}\nsays:  {reply.text}")


@click.command()
@AS_JSON
def models(as_json: bool) -> None:
    """List what is installed: each weight file with its size, sum and licence, and whether it is whole."""
    from roundelay.console import print_json, print_table
    from roundelay.voice.graphs import PACKAGED, DamagedWeightsError, checked, manifest
    from roundelay.voice.model import WEIGHTS

    rows = []
    for model, folder in (("codec", PACKAGED), ("language model", WEIGHTS)):
        try:
            table = manifest(folder)
        except DamagedWeightsError:
            continue
        for name, entry in table["files"].items():
            try:
                checked(name, folder)
                state = "whole"
            except DamagedWeightsError:
                state = "damaged"
            row = {"model": model, "file": name, "bytes": entry["bytes"], "sha256": entry["sha256"]}
            rows.append(row | {"licence": table["licence"], "state": state})
    if as_json:
        print_json(rows)
    else:
        columns = {name: name for name in ("model", "file", "bytes", "sha256", "licence", "state")}
        print_table([row | {"sha256": row["sha256"][:12]} for row in rows], columns)
