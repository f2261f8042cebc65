"""Every threshold of a conversation with its reason. The paper publishes none: all are ours.

A server's `turn_detection` becomes a `Thresholds` by `dataclasses.replace`; `Configured` applies it to a session.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from roundelay.errors import BadInput

# Upper limits of what a client may set.
MAX_WAIT_MS = 10_000
MAX_LONG_MS = 600_000
LONG = ("turn_max_ms", "reply_max_ms", "tool_timeout_ms")
MAX_TOKENS = 32_768  # the context length of the released model


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Thresholds of detection, endpointing, speculation, barge-in, replies, tools and history. Raises `BadInput`."""

    # What ends a turn: the end-of-turn model ("semantic"), the length of the silence alone ("silence"), or only the
    # client ("none").
    detection: Literal["semantic", "silence", "none"] = "semantic"
    # A committed turn is answered at once (create_response); speech stops the bot (interrupt_response).
    create_reply: bool = True
    interrupt: bool = True

    # -- voice activity detection
    # Silero's own operating point is 0.5; speech ends 0.15 lower (hysteresis), so that one weak frame ends nothing.
    voice: float = 0.5
    voice_margin: float = 0.15
    # Two frames of 32 ms: a single one is a click as often as speech.
    voice_min_ms: int = 64
    # Three frames. Closures of plosives are mostly shorter; after a longer one the draft is dropped.
    silence_min_ms: int = 96
    # Pre-roll: audio kept before the detected start, for weak first consonants.
    prefix_ms: int = 240

    # -- the end of a turn, counted from the last sample of speech
    # Shorter speech is no turn: a "no" lasts about 200 ms.
    turn_min_ms: int = 120
    # Shorter sounds without a transcribed word are noise: a cough, a door.
    noise_max_ms: int = 600
    # Above `sure` the wait is as long as a draft takes to sound on two cores: a shorter one would gain nothing. Below
    # `unsure` it outlasts a pause of one second inside a sentence. In between it is interpolated.
    sure: float = 0.7
    unsure: float = 0.3
    commit_sure_ms: int = 384
    commit_unsure_ms: int = 1_250
    # Under detection "silence": the default of the Realtime interface.
    commit_silence_ms: int = 500
    # A user who never pauses is answered after a minute: buffered audio is limited.
    turn_max_ms: int = 60_000

    # -- speculation
    speculate: bool = True
    # The first reply is drafted as soon as the detector reports silence, another when the transcript changes. At most
    # two are alive, because two cores cannot generate more in real time.
    drafts_alive: int = 2
    # A turn with very many pauses must not keep the cores busy with drafts.
    drafts_per_turn: int = 12

    # -- overlapping speech
    # Backchannels ("uh-huh", "right") are shorter, sentences are longer.
    barge_in_ms: int = 500
    # How long to wait for the transcript of a short overlapping sound before the reply resumes.
    verdict_ms: int = 400
    # The share of a sound explained by the playback above which it is echo: between the highest score of other speakers
    # and the lowest of echo (`vad.Echo`). Reverberation lasts a little longer than the playback.
    echo: float = 0.5
    echo_tail_ms: int = 300

    # -- the reply
    # A reply that makes no progress for this long has failed.
    stall_ms: int = 8_000
    reply_max_ms: int = 120_000
    clauses_max: int = 400
    # English read aloud has about fifteen characters a second; used only for a clause whose audio is not complete.
    ms_per_character: int = 65

    # -- tools
    tool_timeout_ms: int = 30_000
    tools_waiting: int = 8

    # -- the history
    # Half of the nano model's 2,048, so that a turn and its reply always fit.
    context_tokens: int = 1_024
    # The newest messages are never summarised: the next turn refers to them.
    context_keep: int = 6
    messages_max: int = 256

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            limit_ms = MAX_LONG_MS if name in LONG else MAX_WAIT_MS
            if name.endswith("_ms") and not 0 <= value <= limit_ms:
                raise BadInput(name, value, f"must be 0 to {limit_ms} ms")
            if name in ("voice", "voice_margin", "sure", "unsure", "echo") and not 0 <= value <= 1:
                raise BadInput(name, value, "must be 0 to 1")
        if self.detection not in ("semantic", "silence", "none"):
            raise BadInput("detection", self.detection, "must be semantic, silence or none")
        if not self.unsure < self.sure:
            raise BadInput("unsure", self.unsure, f"must be below sure, {self.sure}")
        if not self.commit_sure_ms <= self.commit_unsure_ms:
            raise BadInput("commit_sure_ms", self.commit_sure_ms, f"must be at most {self.commit_unsure_ms}")
        for name, low, high in (("drafts_alive", 1, 8), ("drafts_per_turn", 1, 100), ("tools_waiting", 1, 128),
                                ("context_tokens", 64, MAX_TOKENS), ("context_keep", 2, 64),
                                ("clauses_max", 1, 4_000), ("messages_max", 8, 4_000)):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise BadInput(name, getattr(self, name), f"must be {low} to {high}")

    def wait_ms(self, probability: float | None) -> int | None:
        """The silence in ms that ends a turn of this end-of-turn probability (None: not known yet); None for never."""
        if self.detection == "none":
            return None
        if self.detection == "silence":
            return self.commit_silence_ms
        if probability is None:
            return self.commit_unsure_ms
        share = min(1.0, max(0.0, (probability - self.unsure) / (self.sure - self.unsure)))
        return round(self.commit_unsure_ms + share * (self.commit_sure_ms - self.commit_unsure_ms))
