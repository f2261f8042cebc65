"""Two transcribers as one: a quick one's words are partial, a more exact one's are final (ours).

The final pass has failed where it raises, hangs or has no words where the quick one has some; then the quick one's
words are final. After a failure it is not asked for `REST_S`, so that a conversation waits for it only once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from roundelay.errors import BadInput, RoundelayError
from roundelay.voice.audio import Audio
from roundelay.voice.engines import guard, registry
from roundelay.voice.engines.choice import EngineChoice, parse
from roundelay.voice.interfaces import (
    DEFAULT_OPTIONS,
    CallOptions,
    Cancelled,
    Capability,
    EngineRole,
    EngineSpec,
    Transcriber,
    Transcript,
)

NAME = "two_pass"
FIRST, FINAL = "nano", "whisper"
REST_S = 30.0
# A turn's words are waited for by a person; a recogniser slower than its audio is of no use to him.
LIMITS = guard.Limits(first_s=4.0, per_audio_s=1.0)
CAPABILITIES = frozenset({Capability.PARTIAL, Capability.CONFIDENCE, Capability.WORD_TIMES})


@dataclass(slots=True)
class TwoPassTranscriber:
    """A `Transcriber`: `first` is quick, `final` exact. Threads may share it.

    The quick pass is made only where partial words are asked for (`CallOptions.partial`), beside the final one, or
    where that failed. `capabilities` are those of the final one, and `PARTIAL`.
    """

    first: Transcriber
    final: Transcriber
    limits: guard.Limits = LIMITS
    clock: Callable[[], float] = time.monotonic
    name: str = NAME
    _rests_until: float = field(default=float("-inf"), init=False)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the final transcriber can do, and `PARTIAL`."""
        return self.final.capabilities | {Capability.PARTIAL}

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """The words of the final pass, or of the first where that failed. Raises what the first raises then."""
        if options.partial is None:
            return self._final(audio, options) or self._first(audio, options)
        quick: Future[Transcript] = Future()
        over = threading.Event()
        work = (quick, audio, options, over.is_set)
        threading.Thread(target=self._tell, args=work, name="first-pass", daemon=True).start()
        found = self._final(audio, options)
        over.set()  # words that come now would replace better ones
        return quick.result() if found is None else found

    def _first(self, audio: Audio, options: CallOptions) -> Transcript:
        return guard.transcribe(self.first, audio, replace(options, partial=None))

    def _tell(self, quick: Future[Transcript], audio: Audio, options: CallOptions, over: Cancelled) -> None:
        """Make the first pass, and pass its words on before the final ones are there."""
        try:
            found = self._first(audio, replace(options, progress=iter))
            quick.set_result(found)
        except BaseException as error:
            quick.set_exception(error)
            return
        if found.text and options.partial is not None and not over() and not options.cancelled():
            options.partial(replace(found, final=False))

    def _final(self, audio: Audio, options: CallOptions) -> Transcript | None:
        """The transcript of the final pass; None where it failed or rests."""
        if self.clock() < self._rests_until:
            return None
        try:
            found = guard.transcribe(self.final, audio, replace(options, partial=None), self.limits)
        except RoundelayError:
            self._rests_until = self.clock() + REST_S
            return None
        return found if found.text.strip() or options.cancelled() else None


def load(roles: Collection[EngineRole], first: str = FIRST, final: str = FINAL) -> Mapping[EngineRole, Any]:
    """The two transcribers, named as `choice.parse` reads them, as one. Raises what it and `registry.load` raise."""
    quick, exact = (
        registry.load(each.name, ["transcriber"], each.settings)["transcriber"] for each in _choices(first, final)
    )
    return dict.fromkeys(roles, TwoPassTranscriber(quick, exact))


def check(first: str = FIRST, final: str = FINAL) -> None:
    """Raise what `load` would raise for something missing or damaged; nothing is loaded."""
    for each in _choices(first, final):
        registry.check(each.name, each.settings)


def _choices(first: str, final: str) -> list[EngineChoice]:
    found = [parse(text, f"setting {setting}") for setting, text in (("first", first), ("final", final))]
    for setting, each in zip(("first", "final"), found, strict=True):
        if each.name == NAME:
            raise BadInput(f"setting {setting} of the engine {NAME}", NAME, "is made of two other engines; name one")
        registry.assign([each.name], ["transcriber"])
    return found


SPEC = EngineSpec(
    NAME,
    {"transcriber": CAPABILITIES},
    load,
    ("first", "final"),
    "nano's words at once, Whisper's at the end of a turn; two_pass:final=ENGINE takes another",
    main_setting="final",
    check=check,
)
