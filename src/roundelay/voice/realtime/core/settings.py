"""Every threshold of a conversation, in one place, with its reason. The paper publishes none: all are ours.

A server's `turn_detection` becomes a `Thresholds` by `dataclasses.replace`; `Configured` gives it to a running session.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from roundelay.errors import BadInput

# Ranges that a client may ask for; beyond them a conversation stops being one.
MAX_WAIT_MS = 10_000
MAX_LONG_MS = 600_000
LONG = ("turn_max_ms", "reply_max_ms", "tool_timeout_ms")
MAX_TOKENS = 32_768  # the released model's own limit (spec, section 3)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to listen, to wait, to speak and to stop. Times in milliseconds. Raises `BadInput` out of range."""

    # Who decides that a turn is over: the judge of prosody and text ("semantic"), the length of the silence alone
    # ("silence"), or only the client ("none").
    detection: Literal["semantic", "silence", "none"] = "semantic"
    # A committed turn is answered at once (create_response) and a voice stops the bot (interrupt_response).
    create_reply: bool = True
    interrupt: bool = True

    # -- the detector of voice
    # Silero's own operating point is 0.5; a voice that began is believed until 0.15 lower, so that a weak frame ends
    # nothing.
    voice: float = 0.5
    voice_margin: float = 0.15
    # Two frames of 32 ms: one alone is a click as often as a voice.
    voice_min_ms: int = 64
    # Three frames. Closures of plosives are mostly shorter; where one is not, the draft made for it is dropped again.
    silence_min_ms: int = 96
    # What is kept of the sound before the detector fired: weak first consonants.
    prefix_ms: int = 240

    # -- the end of a turn, counted from the last voiced sample
    # Shorter sounds alone are no turn: a "no" lasts about 200 ms.
    turn_min_ms: int = 120
    # A sound of less than this in which no word was read was a noise: a cough, a door.
    noise_max_ms: int = 600
    # A judge that is sure waits as long as a draft takes to sound on two cores: less would be a guess without a gain.
    # One that is unsure outlasts a pause of one second inside a sentence, where people think. In between, linear.
    sure: float = 0.7
    unsure: float = 0.3
    commit_sure_ms: int = 384
    commit_unsure_ms: int = 1_250
    # Under detection "silence": the default of the Realtime interface.
    commit_silence_ms: int = 500
    # Somebody who never pauses is answered after a minute: sound, like everything, is kept within a limit.
    turn_max_ms: int = 60_000

    # -- speculation
    speculate: bool = True
    # The first reply is drafted as soon as the detector says silence. Another is drafted when later words changed what
    # was heard; two are alive at most, because two cores cannot make more in real time.
    drafts_alive: int = 2
    # A turn with very many pauses would keep the cores busy with drafts for nothing.
    drafts_per_turn: int = 12

    # -- a voice over the bot's
    # Backchannels ("uh-huh", "right") are over by then, a sentence is not.
    barge_in_ms: int = 500
    # After a short sound over the bot: how long to wait for its words before it counts as nothing.
    verdict_ms: int = 400
    # A sound that the bot's own playback explains to this share is an echo: between the most of another's words and the
    # least of an echo (`vad.Echo`). The room's tail lasts a little.
    echo: float = 0.5
    echo_tail_ms: int = 300

    # -- the reply
    # A reply that does not begin to sound by then, or stalls, has failed: nobody waits longer for a silent partner.
    stall_ms: int = 8_000
    reply_max_ms: int = 120_000
    clauses_max: int = 400
    # English read aloud runs at about fifteen characters a second; used only for a clause whose sound is not complete.
    ms_per_character: int = 65

    # -- tools
    tool_timeout_ms: int = 30_000
    tools_waiting: int = 8

    # -- the history
    # Half of the nano model's 2,048, so that a turn and its reply always fit.
    context_tokens: int = 1_024
    # The newest messages are never summarised: they are what the next turn speaks of.
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

    def wait_ms(self, end: float | None) -> int | None:
        """The silence after which a turn is over when the judge gives `end`, or has not yet (None); None for never."""
        if self.detection == "none":
            return None
        if self.detection == "silence":
            return self.commit_silence_ms
        if end is None:
            return self.commit_unsure_ms
        share = min(1.0, max(0.0, (end - self.unsure) / (self.sure - self.unsure)))
        return round(self.commit_unsure_ms + share * (self.commit_sure_ms - self.commit_unsure_ms))
