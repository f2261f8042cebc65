"""The history of a conversation as text: what the user said and what of the bot's replies was really heard.

Audio is dear: 41.67 tokens a second against about three as text (the paper gives 14 to 1), so a turn counts as audio
only until its transcription, made beside the reply, takes its place. When the history is long its older part is
summarised, and if no summary comes it is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core.events import RATE_HZ

AUDIO_TOKENS_PER_S = 5 / 0.12  # two codebooks, groups of five every 120 ms (section 2 of the paper)
AUDIO_PER_TEXT = 14  # tokens of audio for one of text (the paper's real-time pipeline)
CHARACTERS_PER_S = 15  # English read aloud (ours, see `Thresholds.ms_per_character`)
CHARACTERS_PER_TOKEN = CHARACTERS_PER_S * AUDIO_PER_TEXT / AUDIO_TOKENS_PER_S  # 5.04, so that the three agree
SUMMARY = "summary"
FIXED_ROLES = ("system",)  # messages that no summary stands for: who the bot is, and what the client has it know
PERSONA = "persona"  # the key of the one that always stays


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a reply and how much sound speaks it so far; `complete` when no more will come."""

    text: str
    samples: int = 0
    complete: bool = False


def spoken_prefix(clauses: Sequence[Clause], samples: int, ms_per_character: int) -> str:
    """The words of the clauses that the first `samples` of sound speak to their end.

    Inside a clause sound and letters are taken to run evenly; a clause whose sound is still being made is taken to be
    as long as its letters would be, so that no word counts as heard too early.
    """
    parts: list[str] = []
    for clause in clauses:
        total = clause.samples
        if not clause.complete:
            total = max(total, len(clause.text) * ms_per_character * RATE_HZ // 1000)
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
    """A message; `audio_ms` above 0 while a turn's words are not known yet."""

    message: Message
    audio_ms: int = 0

    @property
    def tokens(self) -> int:
        """How many tokens of the model's context it takes."""
        if self.audio_ms:
            return round(self.audio_ms / 1000 * AUDIO_TOKENS_PER_S)
        return round(len(self.message.text) / CHARACTERS_PER_TOKEN) + 2  # role and end of turn


@dataclass(frozen=True, slots=True)
class Context:
    """The history; every method gives a new one. Keys are unique, the order is that of the conversation."""

    entries: tuple[Entry, ...] = ()

    @property
    def tokens(self) -> int:
        """How many tokens the history takes."""
        return sum(entry.tokens for entry in self.entries)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages whose text is known and not empty."""
        return tuple(entry.message for entry in self.entries if entry.message.text)

    def __contains__(self, key: str) -> bool:
        return any(entry.message.key == key for entry in self.entries)

    def add(self, message: Message, audio_ms: int = 0) -> Context:
        """With the message at the end; with a key that is there already, in that one's place."""
        entry = Entry(message, audio_ms)
        if message.key and message.key in self:
            return Context(tuple(entry if old.message.key == message.key else old for old in self.entries))
        return Context((*self.entries, entry))

    def remove(self, key: str) -> Context:
        """Without the message of that key."""
        return Context(tuple(entry for entry in self.entries if entry.message.key != key))

    def set_text(self, key: str, text: str) -> Context:
        """With that message's text known, or changed; without the message if the text is empty."""
        if not text:
            return self.remove(key)
        return Context(
            tuple(
                Entry(replace(entry.message, text=text)) if entry.message.key == key else entry
                for entry in self.entries
            )
        )

    def old(self, keep: int) -> tuple[Message, ...]:
        """The messages that a summary may stand for: all before the newest `keep`, but for the fixed ones."""
        loose = [entry for entry in self.entries if entry.message.role not in FIXED_ROLES or _is_summary(entry)]
        return tuple(entry.message for entry in loose[:-keep] if entry.message.text)

    def summarised(self, key: str, text: str) -> Context:
        """With `text` in the place of the loose messages up to the one of that key; unchanged if it is gone."""
        if key not in self:
            return self
        end = next(at for at, entry in enumerate(self.entries) if entry.message.key == key) + 1
        fixed = [e for e in self.entries[:end] if e.message.role in FIXED_ROLES and not _is_summary(e)]
        made = [Entry(Message("system", text, f"{SUMMARY}-{key}"))] if text else []
        return Context((*fixed, *made, *self.entries[end:]))

    def within(self, tokens: int, messages: int, keep: int) -> Context:
        """Without the oldest loose messages, as many as it takes to fit both limits, then the oldest fixed ones but for
        the persona; the newest `keep` of either stay."""
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
