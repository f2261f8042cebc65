"""The words of a question in one wording: contractions, spelled "g p u's", "the number of", tag questions (ours)."""

from __future__ import annotations

import re

_CONTRACTED = {"can't": "can not", "won't": "will not"}
_SHORT = {"n't": " not", "'re": " are", "'ve": " have", "'ll": " will", "'m": " am", "'d": " would"}
_BEFORE_IS = frozenset(("what", "who", "where", "when", "how", "it", "that", "there", "he", "she"))  # 's is "is"
_VERB = r"(?:are|is|am|do|does|did|was|were|can|could|have|has|will|would|should)"
_ONE_WORDING = tuple(
    (re.compile(pattern), wanted)
    for pattern, wanted in (
        (r"(?<=\d),(?=\d{3})", ""),
        (r"\bper cent\b", "percent"),
        (r"\bg\.? ?p\.? ?u(?:'s| ?s)\b", "gpus"),
        (r"\bg\.? ?p\.? ?u\b", "gpu"),
        (r"\bgpu's\b", "gpus"),
        (r"^(?:please |(?:can|could|would|will) you )*remind me (?=what|which|who|when|where|how)", ""),
        (r"^(?:how|what) about (?=a |an |another |some )", ""),
        (r",? (?:" + _VERB + r"n't) (?:you|it|i|they|there|we|that)[?.! ]*$", ""),
        (r"\b(?:what|which)(?:'s| is| was)? (?:the )?(?:total |exact |current )?(?:number|count) of\b", "how many"),
        (r"(?:^|(?<=\bme )|(?<=\bknow ))(?:the )?(?:total |exact |current )?(?:number|count) of\b", "how many"),
    )
)
_POSSESSIVE = re.compile(r"^(.*?)((?:the |a |an )?)\b(?!(?:" + "|".join(sorted(_BEFORE_IS)) + r")\b)([a-z]+)'s (.+)$")


def words_of(text: str) -> list[str]:
    """The words of a text as they are matched: lower case, contractions split, no possessive, "g p u's" as "gpus"."""
    text = text.lower()
    for pattern, wanted in _ONE_WORDING:
        text = pattern.sub(wanted, text)
    words = []
    for word in re.findall(r"[a-z]+(?:'[a-z]+)?|\d+(?:\.\d+)?", text):
        words += _split(word).split()
    return words


def without_possessive(text: str) -> str | None:
    """The text with "france's capital" as "the capital of france"; None where it has no possessive."""
    found = _POSSESSIVE.match(text.lower().rstrip("?.! "))
    if found is None:
        return None
    before, article, owner, owned = found.groups()
    return f"{before}the {owned} of {article}{owner}"


def _split(word: str) -> str:
    """A word without its contraction or possessive."""
    if word in _CONTRACTED:
        return _CONTRACTED[word]
    if word.endswith("'s"):
        return word[:-2] + (" is" if word[:-2] in _BEFORE_IS else "")
    for end, full in _SHORT.items():
        if word.endswith(end):
            return word.removesuffix(end) + full
    return word
