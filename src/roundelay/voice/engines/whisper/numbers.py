"""Short sounds that may be numbers: heard once as they are, and once with the ten digits as the text before (ours).

Whisper has read the captions of long recordings, where a digit alone hardly occurs: it hears "bye" for five and "so"
for two. With the digits as the text before, it hears digits, and of other words digits too. So those count only where
the model itself finds them much more likely than what it heard without them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from roundelay.voice.engines.whisper.decoding import Decoded, Span, decode
from roundelay.voice.engines.whisper.model import OpenModel

NUMBER_S = 1.5  # longer sound is decoded as it is
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
HINT = " ".join(DIGITS)
GAIN_NATS = 0.4  # a token, by which digits must be likelier; chosen on half of the clips (results/people)


def number(model: OpenModel, tokenizer: Any, encoded: tuple[Any, int], duration_s: float, plain: Decoded) -> Decoded:
    """What was heard of English speech, as digits where these are much likelier, none twice in a row."""
    hinted = decode(model, tokenizer, encoded, duration_s, 1, HINT)
    if hinted.log_probability < plain.log_probability + GAIN_NATS:
        return plain
    tokens = [token for span in hinted.spans for token in span.tokens]
    words, parts = tokenizer.split_to_word_tokens(tokens)
    heard = [word.strip(" .,!?-").lower() for word in words]
    kept = [at for at, word in enumerate(heard) if word and word != (heard[at - 1] if at else "")]
    if not kept or not all(heard[at] in DIGITS for at in kept):
        return plain
    once = tuple(token for at in kept for token in parts[at])
    span = Span(once, hinted.spans[0].start_s, hinted.spans[-1].end_s)
    return replace(hinted, spans=(span,), next_s=None, repetition=None)
