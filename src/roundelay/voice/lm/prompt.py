"""Prompts as ids: chat, text to speech with its voice anchor, and EditX's edit and clone (Step-Audio release)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.lm import tags
from roundelay.voice.lm.tags import Mode
from roundelay.voice.tokenizer.text import Encoder, Symbol
from roundelay.voice.tokens import Tokens
from roundelay.voice.vocab import VOCAB

ROLES = {"system": "system", "user": "human", "human": "human", "assistant": "assistant"}
BOS, BOT, EOT = int(Symbol.BOS), int(Symbol.BOT), int(Symbol.EOT)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: its role, and text, audio tokens, or None for a turn that is still open."""

    role: str
    content: str | Tokens | None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise BadInput("role", self.role, f"is unknown; known: {', '.join(ROLES)}")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A voice prompt: an utterance of the voice as text and tokens; `name` is empty for a cloned voice."""

    name: str
    text: str
    tokens: Tokens


@cache
def _prompt_table() -> Mapping[str, Any]:
    table = tomllib.loads(files("roundelay.voice.lm").joinpath("prompts.toml").read_text(encoding="utf-8"))
    return table


def chat(messages: Sequence[Message], encoder: Encoder) -> list[int]:
    """Ids of a conversation that ends with an open turn of the assistant, for it to fill.

    Only this builder writes control symbols: those in a message's text are encoded as plain text (ours; the released
    template lets a user's text close the turn and open a system turn).
    """
    ids = [BOS]
    for message in messages:
        ids += _open(encoder, ROLES[message.role], message.content)
        ids += [] if message.content is None else [EOT]
    last = messages[-1] if messages else None
    if last is None or ROLES[last.role] != "assistant" or last.content is not None:
        ids += _open(encoder, "assistant", None)
    return ids


def _open(encoder: Encoder, role: str, content: str | Tokens | None) -> list[int]:
    text = content if isinstance(content, str) else ""
    ids = [BOT, *encoder.encode(f"{role}\n{text}", bos=False, prefix=False, symbols=False)]
    return ids + content.ids.tolist() if isinstance(content, Tokens) else ids


def tts_system(mode: Mode, name: str = "") -> str:
    """The system prompt of a mode; `name` is the speaker's, for `Mode.WITH_SPEAKER`."""
    table = _prompt_table()
    if mode in (Mode.RAP, Mode.HUMMING):
        return str(table[mode.value])
    speaker = table["speaker"].format(name=name) if mode is Mode.WITH_SPEAKER else ""
    lists = {"emotions": tags.EMOTIONS, "languages": tags.LANGUAGES, "music": tags.MUSIC, "speeds": tags.SPEEDS}
    filled = {key: "\n".join(f'- "{tag}"' for tag in values) for key, values in lists.items()}
    return str(table["speech"].lstrip("\n").format(speaker=speaker, **filled))


def tts(text: str, anchor: Anchor, encoder: Encoder, *, system: str, stray_bos: bool = True) -> list[int]:
    """Ids after which the model speaks `text`: the system prompt, the anchor as a first exchange, the text.

    `stray_bos` keeps the BOS after every BOT, as in the trained format: the released builder encoded each turn
    separately. Use `tts_system` for `system`.
    """
    ids = [BOS]
    ids += [*_turn(encoder, "system", system, stray_bos), EOT]
    ids += [*_turn(encoder, "human", anchor.text, stray_bos), EOT]
    ids += _turn(encoder, "assistant", "", stray_bos) + anchor.tokens.ids.tolist() + [EOT]
    ids += [*_turn(encoder, "human", text, stray_bos), EOT]
    return ids + _turn(encoder, "assistant", "", stray_bos)


def _turn(encoder: Encoder, role: str, text: str, stray_bos: bool) -> list[int]:
    return [BOT, *encoder.encode(f"{role}\n{text}", bos=stray_bos, symbols=False)]


def instruction(kind: str, *, what: str = "", text: str = "") -> str:
    """EditX's instruction: kind is emotion, style, speed, denoise or para; `what` to change to, `text` as spoken."""
    known: Mapping[str, str] = _prompt_table()["editx"]["instruction"]
    if kind not in known:
        raise BadInput("edit", kind, f"is unknown; known: {', '.join(known)}")
    return known[kind].replace("{what}", what).replace("{text}", text)


def edit(request: str, audio: Tokens, encoder: Encoder, *, stray_bos: bool = True) -> list[int]:
    """EditX's ids after which the model speaks `audio` anew as `request` (see `instruction`) asks."""
    system = _prompt_table()["editx"]["edit"].lstrip("\n")
    ids = [BOS, *_turn(encoder, "system", system, stray_bos), EOT, *_turn(encoder, "human", "", stray_bos)]
    ids += encoder.encode(f"{request}\n", bos=stray_bos, symbols=False) + audio.ids.tolist()
    ids += encoder.encode("\n", bos=False, prefix=False)
    return [*ids, EOT, *_turn(encoder, "assistant", "", stray_bos)]


def clone(text: str, anchor: Anchor, encoder: Encoder, *, stray_bos: bool = True) -> list[int]:
    """EditX's ids after which the model speaks `text` with the anchor's voice, which stands in the system prompt."""
    template = _prompt_table()["editx"]["clone"].lstrip("\n")
    before, after = template.split("{audio}")
    before = before.replace("{name}", anchor.name).replace("{text}", anchor.text)
    ids = [BOS, *_turn(encoder, "system", before, stray_bos), *anchor.tokens.ids.tolist()]
    ids += [*encoder.encode(after, bos=False, prefix=False), EOT]
    ids += [*_turn(encoder, "human", text, stray_bos), EOT]
    return ids + _turn(encoder, "assistant", "", stray_bos)


def audio_codes(generated: Iterable[int]) -> np.ndarray:
    """Codes int64 [n] for the decoder: the audio ids up to the end of the turn, the text offset removed.

    All ids are kept when the length limit came before the end (the released code drops the last).
    """
    codes = []
    for i in generated:
        if i in (Symbol.EOT, Symbol.END):
            break
        codes.append(i - VOCAB.text)
    return np.asarray(codes, np.int64)


def pad_group(codes: np.ndarray) -> Tokens:
    """Tokens of generated audio codes; an incomplete last group is padded with each codebook's code 0, as released."""
    begun = len(codes) % VOCAB.group
    group = [0] * VOCAB.linguistic_per_group + [VOCAB.linguistic] * VOCAB.semantic_per_group
    rest = np.asarray(group[begun:] if begun else [], np.int64)
    return Tokens(np.concatenate([np.asarray(codes, np.int64), rest]) + VOCAB.text)
