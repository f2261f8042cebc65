"""`roundelay serve`, `roundelay talk` and `roundelay bench`."""

from __future__ import annotations

from pathlib import Path

import click

from roundelay import config
from roundelay.server.limits import Limits


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where to listen; a key is needed beyond loopback."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--chat-url", metavar="URL", help="An OpenAI-compatible chat server that answers, http://host:port/v1.")
@click.option("--chat-model", metavar="NAME", help="The name of the model there.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Another name of this machine, behind a proxy.")
@click.option("--allow-origin", multiple=True, metavar="URL", help="A web page of others that may call.")
@click.option("--open", "anybody", is_flag=True, help="Listen beyond loopback without a key.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="TOML file with limits.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Any limit; see docs/server.md.")
def serve(
    host: str, port: int, chat_url: str | None, chat_model: str | None, anybody: bool, config_file: Path | None,
    **several: tuple[str, ...],
) -> None:  # fmt: skip
    """Talk in the browser, and an OpenAI-shaped API, on this machine.

    Keys are read from ROUNDELAY_API_KEYS (comma-separated), the key for --chat-url from ROUNDELAY_CHAT_KEY.
    """
    from roundelay.server.answering import Borrowed, ChatUrl
    from roundelay.server.engine import Engine, SpeechModel, load_embedded
    from roundelay.server.run import Address, service_of
    from roundelay.server.run import serve as run

    limits = config.fill(Limits, config_file, several["sets"], {})
    mind = ChatUrl(chat_url, chat_model) if chat_url else None

    def load() -> SpeechModel:
        body = load_embedded()
        return Borrowed(body, mind) if mind else body

    address = Address(host, port, several["allow_host"], several["allow_origin"], anybody)
    run(address, service_of(limits, address, Engine(load, limits), mind.shown if mind else "embedded"))
