"""`--engine`, `--hear`, `--speak`, `--chat-url`, `--chat-model`: the engines that `serve` and `talk` converse with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import click

from roundelay.server.limits import Limits

if TYPE_CHECKING:
    from roundelay.server.engine import Engines
    from roundelay.voice.pipeline import Pipeline

_FORM = "NAME[:VALUE|:SETTING=VALUE,...|+URL]"
_OPTIONS = (
    click.option(
        "--engine", metavar=_FORM, help="An engine for every role it can take; requests may choose another by model."
    ),
    click.option("--hear", metavar=_FORM, help="The engine that hears; the best installed by default."),
    click.option("--speak", metavar=_FORM, help="The engine that speaks; the best installed by default."),
    click.option("--chat-url", metavar="URL", help="An OpenAI-compatible chat server that answers, http://host:port/v1."),
    click.option("--chat-model", metavar="NAME", help="The name of the model there."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EngineFlags:
    """The values of the flags; None where one was not given."""

    engine: str | None = None
    hear: str | None = None
    speak: str | None = None
    chat_url: str | None = None
    chat_model: str | None = None

    def engines(self, limits: Limits, tell: Callable[[str], None] = lambda line: None) -> tuple[Engines, str]:
        """The engines of a server, and what answers: "embedded" or the address of a chat server.

        `tell` is given a line once they are loaded: which engine hears, speaks and answers. Raises `BadInput` for an
        unknown engine or a wrong address, and what `registry.check` raises for an engine that cannot be loaded here.
        """
        from roundelay.server.engine import MODEL, Engines, load_choices, load_pipeline
        from roundelay.voice.engines import registry
        from roundelay.voice.engines.chat_completions import ChatCompletions
        from roundelay.voice.engines.choice import select
        from roundelay.voice.engines.defaults import best

        choices = select([self.engine] if self.engine else [], self.hear, self.speak, default=best)
        chat = ChatCompletions(self.chat_url, self.chat_model) if self.chat_url is not None else None
        for choice in choices.values():
            registry.check(choice.name, choice.settings)
        answering = chat.shown if chat else "embedded"
        alone = {each.name for each in choices.values()} if not any(c.settings for c in choices.values()) else set()
        default = next(iter(alone)) if len(alone) == 1 else MODEL

        def load(name: str) -> Pipeline:
            made = load_choices(choices) if name == default else load_pipeline(name)
            return replace(made, responder=chat) if chat else made

        hears, speaks = choices["transcriber"].shown, choices["synthesizer"].shown
        answers = chat.shown if chat else choices["responder"].shown
        line = f"hears with {hears}, speaks with {speaks}, answers with {answers}"
        return Engines(load, limits, default, lambda state: tell(f"{state}; {line}"), _conversations), answering


def _conversations(pipeline: Pipeline) -> int:
    """How many conversations a pipeline carries here."""
    from roundelay.voice.capacity import measure

    return measure(pipeline).conversations


def engine_flags(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with the five options, whose values it is given as `flags`."""

    @functools.wraps(verb)
    def called(**given: Any) -> None:
        own = {field.name: given.pop(field.name) for field in fields(EngineFlags)}
        verb(flags=EngineFlags(**own), **given)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), called)
