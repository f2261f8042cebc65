"""Responses of the nano engine: the call that a question's words are nearest to, answered exactly by a skill (ours).

What was heard with little confidence is asked back, what has no answer is declined. It needs no weights: `voice.nlu`
matches words with the phrasings of its domain. The language model can write the call
too (`written_call`), but is wrong more often (results/lm), so `reply` does not ask it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.engines.nano.capabilities import CAPABILITIES, NAME
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Request, Response
from roundelay.voice.lm.engine import Engine
from roundelay.voice.nlu.ask_back import OTHERWISE, ask_back, settle
from roundelay.voice.nlu.decline import decline
from roundelay.voice.nlu.domain.fabric import FabricFacts
from roundelay.voice.nlu.skills import Call, answer
from roundelay.voice.nlu.understand import understand
from roundelay.voice.text.normalise import normalise
from roundelay.voice.tokenizer.text import Symbol

MAX_CALL_TOKENS = 90  # characters of a call that the language model writes


@dataclass(frozen=True, slots=True)
class NanoResponder:
    """A `Responder` that answers the questions of docs/voice-domain.md. It calls no tools.

    Of the history it looks at the last messages alone: what it asked back, and what it need not say again.
    """

    clock: Callable[[], datetime] = field(default=datetime.now)
    fabric: FabricFacts = field(default_factory=FabricFacts)
    name: ClassVar[str] = NAME
    capabilities: ClassVar[frozenset[Capability]] = CAPABILITIES["responder"]

    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Response]:
        """Yield one `Response`; its `skill` is the call that the text was understood as, None without an answer."""
        text = normalise(request.text)
        if settled := settle(text, request.history):
            if settled.text is None:
                yield Response(OTHERWISE)
                return
            text = normalise(settled.text)
        elif question := ask_back(text, request.transcript):
            yield Response(question)
            return
        call = understand(text)
        if call is None:
            yield Response(decline(text, request.history))
        else:
            yield Response(answer(call, self.clock(), self.fabric), skill=str(call))


def written_call(language_model: Engine[Any], words: str) -> Call | None:
    """The call that the language model writes after a question in normalised words; None where it writes none."""
    prompt = vocabulary.question_prompt(words)
    try:
        return Call.parse(vocabulary.text_of(_written(language_model, prompt)).strip())
    except BadInput:
        return None


def _written(language_model: Engine[Any], prompt: Sequence[int]) -> Iterator[int]:
    """Yield the likeliest characters and symbols after a prompt."""
    session = language_model.open()
    logits = language_model.prefill(session, prompt)
    for _ in range(MAX_CALL_TOKENS):
        if logits is None:
            return
        token = int(np.argmax(logits[: vocabulary.FIRST_PHONE]))
        if token in (Symbol.EOT, Symbol.CALL_END):
            return
        yield token
        logits = language_model.step(session, token)
