"""`roundelay voice encode | decode | resynth`: sound to tokens, tokens to sound, and both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import numpy as np

from roundelay.errors import WouldOverwrite

OUT = click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
FORCE = click.option("--force", is_flag=True, help="Replace the file if it exists.")
VOICE = click.option("--voice", metavar="NAME|ref.wav", help="A built-in voice, or a recording to sound like.")
BLOCK_MS, STREAM_MS = 6_000, 40  # how much audio the codec is fed at a time, and with `--stream`


def free(out: Path, force: bool) -> None:
    """Complain before anything is computed."""
    if out.exists() and not force:
        raise WouldOverwrite(out)


def watched(blocks: Iterable[np.ndarray], label: str, seconds: float, rate_hz: int) -> Iterator[np.ndarray]:
    """Yield the blocks, all together `seconds` long, cut to six seconds and less, with a progress bar."""
    from roundelay.console import progress

    step = rate_hz * BLOCK_MS // 1000
    parts = (block[at : at + step] for block in blocks for at in range(0, len(block), step))
    yield from progress(parts, label, -(-round(seconds * 1000) // BLOCK_MS))


@click.command()
@click.argument("sound", type=click.Path(path_type=Path))
@OUT
@FORCE
def encode(sound: Path, out: Path, force: bool) -> None:
    """Write the tokens of a SOUND file as JSON: ids, linguistic, semantic, rate_hz."""
    from roundelay.console import note
    from roundelay.files import replacing
    from roundelay.voice.audio_file import AudioFile
    from roundelay.voice.tokenizer.dual import Tokenizer
    from roundelay.voice.tokenizer.frontend import RATE_HZ

    free(out, force)
    file = AudioFile.open(sound)
    tokens = Tokenizer.load().encode_blocks(watched(file.blocks(RATE_HZ), "encoding", file.duration_s, RATE_HZ))
    with replacing(out, force=force) as temporary, temporary.open("w", encoding="utf-8") as text:
        text.writelines(tokens.json_parts())
    note(f"{tokens.groups} groups, {len(tokens)} tokens, {tokens.duration_s:.2f} s: {out}")


@click.command()
@click.argument("tokens", type=click.Path(path_type=Path))
@OUT
@VOICE
@FORCE
def decode(tokens: Path, out: Path, voice: str | None, force: bool) -> None:
    """Write the sound of a TOKENS file made by encode."""
    from roundelay.voice.decoder.stream import Decoder
    from roundelay.voice.decoder.voices import registry
    from roundelay.voice.tokenizer.frontend import RATE_HZ
    from roundelay.voice.tokens import Tokens
    from roundelay.voice.voices import Voice

    free(out, force)
    given = Tokens.read(tokens)
    blocks = Decoder.load().blocks(given, Voice.named(voice, registry()))
    _write(out, watched(blocks, "decoding", given.duration_s, RATE_HZ), force)


@click.command()
@click.argument("sound", type=click.Path(path_type=Path))
@OUT
@VOICE
@click.option("--stream", is_flag=True, help="Pass sound and tokens on in small pieces, as a conversation does.")
@FORCE
def resynth(sound: Path, out: Path, voice: str | None, stream: bool, force: bool) -> None:
    """Write what a SOUND file is after tokens and back; in its own voice unless another is named."""
    from roundelay.voice.audio_file import AudioFile
    from roundelay.voice.decoder.stream import Decoder
    from roundelay.voice.decoder.voices import registry
    from roundelay.voice.tokenizer.dual import Tokenizer
    from roundelay.voice.tokenizer.frontend import RATE_HZ
    from roundelay.voice.voices import Voice

    free(out, force)
    file = AudioFile.open(sound)
    named = Voice.named(voice or None, registry()) or Voice.from_recording(sound)
    encoder, decoder = Tokenizer.load().stream(), Decoder.load().stream(named)
    step = RATE_HZ * (STREAM_MS if stream else BLOCK_MS) // 1000

    def made() -> Iterator[np.ndarray]:
        left = 0  # samples read and not yet written: the last group is padded, and the padding is no sound
        for block in watched(file.blocks(RATE_HZ), "resynthesising", file.duration_s, RATE_HZ):
            left += len(block)
            for at in range(0, len(block), step):
                part = decoder.push(encoder.push(block[at : at + step]))
                left -= len(part)
                yield part
        yield np.concatenate([decoder.push(encoder.finish()), decoder.finish()])[:left]

    _write(out, made(), force)


def _write(out: Path, blocks: Iterable[np.ndarray], force: bool) -> None:
    """Write the blocks to a sound file as they come."""
    from roundelay.console import note
    from roundelay.voice.audio import writing
    from roundelay.voice.tokenizer.frontend import RATE_HZ

    written = 0
    with writing(out, RATE_HZ, force=force) as write:
        for block in blocks:
            write(block)
            written += len(block)
    note(f"{written / RATE_HZ:.2f} s: {out}")
