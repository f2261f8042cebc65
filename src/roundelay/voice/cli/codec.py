"""`roundelay voice encode | decode | resynth`: sound to tokens, tokens to sound, and both."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from roundelay.errors import WouldOverwrite

OUT = click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
FORCE = click.option("--force", is_flag=True, help="Replace the file if it exists.")
VOICE = click.option("--voice", metavar="NAME|ref.wav", help="A built-in voice, or a recording to sound like.")
STREAM_MS = 40  # `--stream` feeds the tokenizer blocks of this length


def free(out: Path, force: bool) -> None:
    """Complain before anything is computed."""
    if out.exists() and not force:
        raise WouldOverwrite(out)


@click.command()
@click.argument("sound", type=click.Path(path_type=Path))
@OUT
@FORCE
def encode(sound: Path, out: Path, force: bool) -> None:
    """Write the tokens of a SOUND file as JSON: ids, linguistic, semantic, rate_hz."""
    from roundelay.console import note
    from roundelay.files import write_text
    from roundelay.voice.audio import Audio
    from roundelay.voice.tokenizer.dual import Tokenizer

    free(out, force)
    tokens = Tokenizer.load().encode(Audio.read(sound))
    write_text(out, json.dumps(tokens.to_json()) + "\n", force=force)
    note(f"{tokens.groups} groups, {len(tokens)} tokens, {tokens.duration_s:.2f} s: {out}")


@click.command()
@click.argument("tokens", type=click.Path(path_type=Path))
@OUT
@VOICE
@FORCE
def decode(tokens: Path, out: Path, voice: str | None, force: bool) -> None:
    """Write the sound of a TOKENS file made by encode."""
    from roundelay.console import note
    from roundelay.voice.decoder.stream import Decoder
    from roundelay.voice.decoder.voices import registry
    from roundelay.voice.tokens import Tokens
    from roundelay.voice.voices import Voice

    free(out, force)
    audio = Decoder.load().decode(Tokens.read(tokens), Voice.named(voice, registry()))
    audio.write(out, force=force)
    note(f"{audio.duration_s:.2f} s: {out}")


@click.command()
@click.argument("sound", type=click.Path(path_type=Path))
@OUT
@VOICE
@click.option("--stream", is_flag=True, help="Pass sound and tokens on in small pieces, as a conversation does.")
@FORCE
def resynth(sound: Path, out: Path, voice: str | None, stream: bool, force: bool) -> None:
    """Write what a SOUND file is after tokens and back; in its own voice unless another is named."""
    from roundelay.console import note
    from roundelay.voice.audio import Audio
    from roundelay.voice.decoder.stream import Decoder
    from roundelay.voice.decoder.voices import registry
    from roundelay.voice.tokenizer.dual import Tokenizer
    from roundelay.voice.tokenizer.frontend import RATE_HZ
    from roundelay.voice.voices import Voice

    free(out, force)
    audio = Audio.read(sound, RATE_HZ)
    named = Voice.named(voice or None, registry()) or Voice.from_recording(audio)
    if stream:
        encoder, decoder = Tokenizer.load().stream(), Decoder.load().stream(named)
        step = RATE_HZ * STREAM_MS // 1000
        pieces = [
            decoder.push(encoder.push(audio.samples[at : at + step])) for at in range(0, len(audio.samples), step)
        ]
        samples = np.concatenate([*pieces, decoder.push(encoder.finish()), decoder.finish()])
    else:
        samples = Decoder.load().decode(Tokenizer.load().encode(audio), named).samples
    made = Audio(samples[: len(audio.samples)], RATE_HZ)
    made.write(out, force=force)
    note(f"{made.duration_s:.2f} s: {out}")
