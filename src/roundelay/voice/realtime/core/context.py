"""The conversation history as text: what the user said, and what the user heard of the bot's replies.

Audio costs 41.67 tokens a second, text about three (14 to 1 in arXiv 2502.11946). So a turn counts as audio only until
its transcript, made in parallel with the reply, replaces it. The older part of a long history is summarised; without a
summary it is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from roundelay.voice.interfaces import Message

AUDIO_TOKENS_PER_S = 5 / 0.12  # two codebooks, groups of five every 120 ms (arXiv 2502.11946, section 2)
AUDIO_PER_TEXT = 14  # audio tokens per text token (arXiv 2502.11946, real-time inference)
CHARACTERS_PER_S = 15  # English read aloud (ours, see `Thresholds.ms_per_character`)
CHARACTERS_PER_TOKEN = CHARACTERS_PER_S * AUDIO_PER_TEXT / AUDIO_TOKENS_PER_S  # 5.04, consistent with the three above
SUMMARY = "summary"
FIXED_ROLES = ("system",)  # not summarised: the persona and the client's own system messages
PERSONA = "persona"  # the key of the message that is never dropped


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a reply and the samples that speak it so far; `complete` when no more audio will follow."""

    text: str
    samples: int = 0
    complete: bool = False


def spoken_prefix(clauses: Sequence[Clause], samples: int, ms_per_character: int, rate_hz: int) -> str:
    """The words of the clauses that are fully spoken within the first `samples`, at `rate_hz`.

    Within a clause, characters are assumed to be evenly spaced in time. A clause still being synthesised is assumed to
    last at least `ms_per_character` per character, so that no word counts as heard too early.
    """
    parts: list[str] = []
    for clause in clauses:
        total = clause.samples
        if not clause.complete:
            total = max(total, len(clause.text) * ms_per_character * rate_hz // 1000)
        if samples >= total and clause.complete:
            parts.append(clause.text.strip())
            samples -= total
            continue
        reach = len(clause.text) * samples / total if total else 0.0
        end = 0
        for word_end in _word_ends(clause.text):
            if word_end <= reach:
                end = word_end
        parts.append(clause.text[:end].strip())
        break
    return " ".join(part for part in parts if part)


def _word_ends(text: str) -> list[int]:
    ends = [at for at in range(1, len(text)) if text[at].isspace() and not text[at - 1].isspace()]
    return [*ends, len(text)] if text and not text[-1].isspace() else ends


@dataclass(frozen=True, slots=True)
class Entry:
    """A message; `audio_ms` is above 0 while a turn's transcript is not known yet."""

    message: Message
    audio_ms: int = 0

    @property
    def tokens(self) -> int:
        """The tokens it takes of the model's context, estimated."""
        if self.audio_ms:
            return round(self.audio_ms / 1000 * AUDIO_TOKENS_PER_S)
        return round(len(self.message.text) / CHARACTERS_PER_TOKEN) + 2  # role and end of turn


@dataclass(frozen=True, slots=True)
class Context:
    """The history, immutable: every method returns a new one. Keys are unique, entries in order of time."""

    entries: tuple[Entry, ...] = ()

    @property
    def tokens(self) -> int:
        """The tokens that the history takes, estimated."""
        return sum(entry.tokens for entry in self.entries)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages with a known, non-empty text."""
        return tuple(entry.message for entry in self.entries if entry.message.text)

    def __contains__(self, key: str) -> bool:
        return any(entry.message.key == key for entry in self.entries)

    def add(self, message: Message, audio_ms: int = 0) -> Context:
        """With the message at the end, or in the place of the message with the same key."""
        entry = Entry(message, audio_ms)
        if message.key and message.key in self:
            return Context(tuple(entry if old.message.key == message.key else old for old in self.entries))
        return Context((*self.entries, entry))

    def remove(self, key: str) -> Context:
        """Without the message named `key`."""
        return Context(tuple(entry for entry in self.entries if entry.message.key != key))

    def set_text(self, key: str, text: str) -> Context:
        """With the text of the message named `key` set; without the message if the text is empty."""
        if not text:
            return self.remove(key)
        return Context(
            tuple(
                Entry(replace(entry.message, text=text)) if entry.message.key == key else entry
                for entry in self.entries
            )
        )

    def summarisable(self, keep: int) -> tuple[Message, ...]:
        """The messages that a summary may replace: all but the newest `keep` and those of a fixed role."""
        loose = [entry for entry in self.entries if entry.message.role not in FIXED_ROLES or _is_summary(entry)]
        return tuple(entry.message for entry in loose[:-keep] if entry.message.text)

    def summarised(self, key: str, text: str) -> Context:
        """With `text` in place of the summarisable messages up to the one named `key`; unchanged if that is gone."""
        if key not in self:
            return self
        end = next(at for at, entry in enumerate(self.entries) if entry.message.key == key) + 1
        fixed = [e for e in self.entries[:end] if e.message.role in FIXED_ROLES and not _is_summary(e)]
        made = [Entry(Message("system", text, f"{SUMMARY}-{key}"))] if text else []
        return Context((*fixed, *made, *self.entries[end:]))

    def within(self, tokens: int, messages: int, keep: int) -> Context:
        """Without as many of the oldest messages as it takes to fit both limits.

        Summarisable messages go first, then those of a fixed role except the persona; the newest `keep` of each stay.
        """
        context = self
        while context.tokens > tokens or len(context.entries) > messages:
            loose = [e for e in context.entries if e.message.role not in FIXED_ROLES or _is_summary(e)]
            fixed = [e for e in context.entries if e not in loose and e.message.key != PERSONA]
            old = loose if len(loose) > keep else fixed
            if len(old) <= keep:
                break
            context = Context(tuple(e for e in context.entries if e is not old[0]))
        return context


def _is_summary(entry: Entry) -> bool:
    return entry.message.key.startswith(f"{SUMMARY}-")
