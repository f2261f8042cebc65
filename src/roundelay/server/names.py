"""Names in requests: models and voices by their own names, by OpenAI's, by other programs', and by the operator's."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from roundelay.errors import BadInput
from roundelay.server.engine import MODEL
from roundelay.server.errors import ApiError, wrong
from roundelay.voice.engines import registry

# OpenAI's model names, which clients send by default: they mean the default engine, whatever their version. Names that
# promise a feature which is missing here (diarize) are not among them.
MODEL_ALIASES = re.compile(r"(gpt-(realtime|audio|4o|transcribe)|tts-1|whisper-1)(-(?!.*diarize)[\w.-]{1,60})?")
# OpenAI's voice names, which clients send by default. Each is an alias of a voice; it does not sound like OpenAI's.
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip
DEFAULT_WORDS = ("", "default", "auto")  # what programs send for "the default"
NEAR = 0.8  # how alike a misspelt voice must be to the one that is meant (difflib's ratio)
MAX_ALIASES, MAX_NAME = 10_000, 100
Table = Mapping[str, tuple[str, ...]]


def built_in() -> list[str]:
    """The names of the built-in voices, the default first: those with a style of their own, then timbres alone."""
    from roundelay.voice.decoder import voices
    from roundelay.voice.engines.nano.vocabulary import sorted_voices

    return sorted_voices(voices.registry())


def models() -> list[str]:
    """The names of the models: `MODEL`, the default engine, and every engine that can be loaded without settings."""
    return [MODEL, *registry.loadable()]


def aliases(known: Sequence[str]) -> dict[str, str]:
    """OpenAI's voice names, each with the voice it stands for; {} for an engine without named voices."""
    table = _table()[1]
    return {
        name: next((means for means in table[name] if means in known), known[at % len(known)])
        for at, name in enumerate(OPENAI_VOICES)
    } if known else {}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """How names in requests are understood: the operator's aliases, and whether unknown names are refused (`strict`).

    A name that is not here is otherwise replaced by what is nearest, and the parameter is added to the caller's list
    of what had no effect. OpenAI's names and the operator's aliases count as names that are here.
    """

    models: Table = field(default_factory=dict)
    voices: Table = field(default_factory=dict)
    strict: bool = False

    def model(self, value: Any, ignored: list[str] | None = None) -> str:
        """The model of a name: `MODEL` for it, None and OpenAI's names, else an engine's name.

        An unknown name means what the table says, or the default engine. Raises `ApiError` 404 where that is not
        allowed, with the names and the nearest one.
        """
        name = value if self.strict or not isinstance(value, str) else _plain(value)
        if self.models and isinstance(value, str) and (found := _first(self.models, _plain(value), models())):
            return found
        if name is None or (not self.strict and name in DEFAULT_WORDS):
            return MODEL
        if isinstance(name, str) and MODEL_ALIASES.fullmatch(name):
            return MODEL
        known = models()
        if value in known:
            return str(value)
        if not self.strict and isinstance(name, str):
            if name in (by_case := {each.lower(): each for each in known}):
                return by_case[name]
            if ignored is not None:
                ignored.append("model")
            return _first(_table()[0], name, known) or MODEL
        near = get_close_matches(str(value), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        message = f"model {str(value)[:60]} does not exist here: the models are {', '.join(known)}{hint}"
        raise ApiError(404, "model_not_found", message, param="model")

    def voice(
        self,
        value: Any,
        param: str = "voice",
        voices: Sequence[str] | None = None,
        ignored: list[str] | None = None,
    ) -> str:
        """The voice of a name, an alias, {"id": name} or None (the default), among an engine's `voices`.

        None stands for the built-in voices; an engine without named voices has one, "". Only names are accepted, so
        that no request can make the server open a file. Raises `ApiError` 400 that lists the voices where the name is
        unknown and must not be replaced.
        """
        name = value.get("id", value.get("name")) if isinstance(value, dict) else value
        known = built_in() if voices is None else list(voices)
        default = known[0] if known else ""
        if name is None or (not known and name in OPENAI_VOICES):
            return default
        if isinstance(name, str):
            if name in known:
                return name
            if found := _first(self.voices, _plain(name), known):
                return found
            if name in (openai := aliases(known)):
                return openai[name]
            if not self.strict:
                found, exact = _nearest(_plain(name), known, openai)
                if not exact and ignored is not None:
                    ignored.append(param)
                return found
        shown = str(name)[:60]
        raise wrong(
            param, f"voice {shown} is unknown: choose one of {', '.join([*known, *OPENAI_VOICES])}", "unknown_voice"
        )


def load(file: Path | None, pairs: Sequence[str], strict: bool) -> Names:
    """The names with an operator's aliases: of a TOML file like `names.toml`, and of texts `voice:NAME=NAME` or
    `model:NAME=NAME`, which come first. Raises `BadInput`.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {"model": {}, "voice": {}}
    for pair in pairs:
        name, equals, means = pair.partition("=")
        kind, _, name = name.partition(":")
        if not equals or kind not in found or not name.strip() or not means.strip():
            raise BadInput("--alias", pair, "give voice:NAME=NAME or model:NAME=NAME")
        found[kind][name.strip().lower()] = (means.strip(),)
    if file is not None:
        for kind, table in zip(found, _read(file), strict=True):
            found[kind] |= {name: means for name, means in table.items() if name not in found[kind]}
    known = models()
    for name, several in found["model"].items():
        if not any(each in known for each in several):
            raise BadInput("--alias", f"model:{name}", f"means {', '.join(several)}; the models are {', '.join(known)}")
    return Names(found["model"], found["voice"], strict)


def is_english(value: str | None) -> bool | None:
    """Whether a language as programs write it (en, EN, en-US, en_GB, English) is English; None where it is open."""
    text = (value or "").strip().lower()
    if text in ("", "auto", "detect", "none", "null", "undefined", "und", "mul", "multi", "any", "default"):
        return None
    return re.split(r"[-_. (]", text)[0] in ("en", "eng", "english")


def _plain(name: str) -> str:
    """A name without regard to letter case and what surrounds it, and of bounded length."""
    return name.strip().lower()[:MAX_NAME]


def _nearest(name: str, known: Sequence[str], openai: Mapping[str, str]) -> tuple[str, bool]:
    """The voice of a name in another letter case, of a mixture, of the table, or the nearest; and whether it is what
    was asked for."""
    default = known[0] if known else ""
    by_case = {each.lower(): each for each in reversed(known)}
    if name in DEFAULT_WORDS:
        return default, True
    if name in by_case:
        return by_case[name], True
    if name in openai:
        return openai[name], True
    mixed = [part.partition("(")[0].strip() for part in name.split("+")]  # af_bella(2)+af_sky(1), as of other servers
    if all(part in known for part in mixed) and registry.engine_with_voice("+".join(mixed)) is not None:
        return "+".join(mixed), "(" not in name
    near = get_close_matches(name, by_case, n=1, cutoff=NEAR)
    found = by_case[near[0]] if near else _first(_table()[1], name, known)
    return found or default, False


def _first(table: Table, name: str, known: Sequence[str]) -> str | None:
    """What a name means by a table: the first of its list that is known."""
    for pattern, means in table.items():
        if fnmatchcase(name, pattern) and (found := next((each for each in means if each in known), None)):
            return found
    return None


@cache
def _table() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    text = files("roundelay.server").joinpath("names.toml").read_text("utf-8")
    return _tables(tomllib.loads(text), "names.toml")


def _read(file: Path) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    try:
        return _tables(tomllib.loads(file.read_text("utf-8")), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("--aliases", file, f"cannot be read ({error}); give a TOML file") from None
    except ValueError as error:
        raise BadInput("--aliases", file, f"is not TOML ({error}); correct it") from None


def _tables(given: Mapping[str, Any], where: str) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The tables of models and voices. Raises `BadInput` for others, and for what are no names."""
    made: dict[str, dict[str, tuple[str, ...]]] = {"models": {}, "voices": {}}
    for kind, rows in given.items():
        if kind not in made or not isinstance(rows, Mapping) or len(rows) > MAX_ALIASES:
            raise BadInput("--aliases", where, f"[{kind}] is none of its tables: [models] and [voices]")
        for name, value in rows.items():
            means = [value] if isinstance(value, str) else value
            if not isinstance(means, list) or not means or not all(isinstance(each, str) for each in means):
                raise BadInput("--aliases", where, f"{kind}.{name} must be a name, or a list of names")
            made[kind][name.lower()] = tuple(means)
    return made["models"], made["voices"]
