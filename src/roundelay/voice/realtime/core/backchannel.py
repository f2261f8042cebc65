"""What a voice over the bot's means: a sign of listening, the bot's own echo, or a wish for the floor. All ours."""

from __future__ import annotations

import re

# Said while listening, alone or in a row; none of them asks for anything.
BACKCHANNELS = frozenset({
    "ah", "aha", "cool", "exactly", "fine", "good", "great", "hm", "hmm", "huh", "indeed", "interesting", "mhm", "mm",
    "mmhm", "mmm", "nice", "oh", "ok", "okay", "really", "right", "sure", "true", "uh", "uhhuh", "uhuh", "um", "wow",
    "yeah", "yep", "yes", "yup",
})  # fmt: skip
PAIRS = ("uh huh", "mm hm", "mm hmm", "i see", "of course", "got it", "go on", "all right", "i know", "no way")
# Words of the bot's that come back in this share are its echo; one word alone proves nothing.
ECHO_SHARE = 0.75
ECHO_WORDS = 2


def words(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation: how two readings are compared."""
    return re.findall(r"[^\W_]+", text.lower().replace("'", "").replace("’", "").replace("-", " "))


def is_backchannel(text: str) -> bool:
    """Whether the text is only signs of listening. An empty text is not: it is nothing."""
    line = " ".join(words(text))
    for pair in PAIRS:
        line = re.sub(rf"\b{pair}\b", "ok", line)
    return bool(line) and all(word in BACKCHANNELS for word in line.split())


def is_echo(text: str, said: str) -> bool:
    """Whether the text is what the bot itself just said: most of its words, in the bot's order."""
    mine, theirs = words(text), words(said)
    if len(mine) < ECHO_WORDS:
        return False
    # The longest common subsequence by rows: echoes lose words, they do not swap them.
    row = [0] * (len(theirs) + 1)
    for word in mine:
        before = 0
        for at, other in enumerate(theirs, 1):
            before, row[at] = row[at], before + 1 if word == other else max(row[at], row[at - 1])
    return row[-1] >= ECHO_SHARE * len(mine)


def wants_floor(text: str, said: str) -> bool:
    """Whether words over the bot's voice should stop it: there are some, and neither echo nor backchannel."""
    return bool(words(text)) and not is_backchannel(text) and not is_echo(text, said)
