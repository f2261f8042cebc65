"""`roundelay serve`, `roundelay talk` and `roundelay bench`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roundelay import config
from roundelay.server.engine_flags import EngineFlags, engine_flags
from roundelay.server.limits import Limits
from roundelay.server.name_flags import name_flags

if TYPE_CHECKING:
    from roundelay.server.names import Names


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where to listen; a key is needed beyond loopback."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@engine_flags
@name_flags
@click.option(
    "--allow-host", multiple=True, metavar="NAME", help="Another name it is reached by, with its pages; *.local."
)
@click.option("--allow-origin", multiple=True, metavar="URL", help="A web page of others that may call.")
@click.option(
    "--trust-proxy", multiple=True, metavar="ADDRESS", help="A proxy whose X-Forwarded-For tells a client's address."
)
@click.option("--root-path", default="", metavar="PREFIX", help="The prefix of a proxy: /voice.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate for https, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its private key, PEM, not encrypted.")
@click.option("--wyoming", metavar="HOST:PORT", help="Answer Home Assistant there too; usually port 10300.")
@click.option("--open", "without_key", is_flag=True, help="Listen beyond loopback without a key.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="TOML file with limits.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Any limit; see docs/server.md.")
def serve(
    host: str,
    port: int,
    flags: EngineFlags,
    names: Callable[[], Names],
    without_key: bool,
    config_file: Path | None,
    **more: Any,
) -> None:
    """Talk in the browser, and an OpenAI-shaped API, on this machine.

    Keys are read from ROUNDELAY_API_KEYS (comma-separated), the key for --chat-url from ROUNDELAY_CHAT_KEY, the
    one for openai+URL from ROUNDELAY_SPEECH_KEY.
    """
    from roundelay.console import note
    from roundelay.server import tls
    from roundelay.server.run import Address, create_service
    from roundelay.server.run import serve as run

    limits = config.fill(Limits, config_file, more["sets"], {})
    files = tls.check(more["tls_cert"], more["tls_key"])
    address = Address(
        host, port, more["allow_host"], more["allow_origin"], without_key, more["trust_proxy"],
        files, more["root_path"], more["wyoming"],
    )  # fmt: skip
    understood = names()
    engines, answering = flags.engines(limits, note)
    service = create_service(limits, address, engines, answering)
    service.names = understood
    run(address, service)


@click.command()
@click.option("--file", "source", type=click.Path(path_type=Path), help="A recording instead of the microphone.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the answer's sound goes, with --file.")
@click.option("--voice", metavar="NAME", help="A built-in voice.")
@engine_flags
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def talk(
    source: Path | None, out: Path | None, voice: str | None, flags: EngineFlags, force: bool, as_json: bool
) -> None:
    """Talk in the terminal: by microphone, or with a recording that is played as fast as it lasts."""
    import asyncio

    from roundelay.console import note, print_json
    from roundelay.errors import BadInput
    from roundelay.files import check_free
    from roundelay.server.service import Service
    from roundelay.server.terminal.device import converse
    from roundelay.server.terminal.terminal import talk as run
    from roundelay.voice.audio import Audio

    lines: list[dict[str, str]] = []

    def caption(who: str, words: str) -> None:
        lines.append({"who": who, "words": words})
        if not as_json:
            click.echo(f"{who}: {words}")

    service = Service(flags.engines(Limits(), lambda line: None if as_json else note(line))[0])
    if source is None:
        if out is not None:
            raise BadInput("--out", out, "belongs to --file")
        asyncio.run(converse(service, voice, caption))
        return
    if out is not None:
        check_free(out, force=force)
    answer = asyncio.run(run(service, Audio.read(source), voice, caption))
    if out is not None:
        answer.write(out, force=force)
        note(f"{answer.duration_s:.2f} s: {out}")
    if as_json:
        print_json({"lines": lines, "seconds": answer.duration_s})


@click.group()
def bench() -> None:
    """Measure the server's latencies on this machine."""


@bench.command()
@click.option(
    "--turns", type=click.IntRange(1, 1000), default=50, show_default=True, help="How often each is measured."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def latency(turns: int, as_json: bool) -> None:
    """First sound after a turn, with speculation and without; barge-in; false takeover; first byte of speech."""
    from roundelay.console import note, print_json, print_table
    from roundelay.server.bench.latency import in_process, measure
    from roundelay.server.engine import load_pipeline

    rows = measure(in_process(load_pipeline), turns, note).rows()
    if as_json:
        print_json({"rows": rows})
        return
    columns = {"figure": "on loopback", "n": "times", "p50": "p50 ms", "p95": "p95 ms", "share": "share"}
    print_table(rows, columns, "what a person waits for")
