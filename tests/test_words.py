"""Code speaks the field's words (docs/glossary.md): no private word in the source's names, docstrings and comments."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers import SOURCE

PRIVATE = {
    "ear": "phone recognizer, speech segmenter",
    "mouth": "synthesizer, decoder, output audio buffer",
    "house": "service",
    "doubt": "possible onset, uncertainty",
    "ways": "candidates, pronunciations, alternatives",
    "mind": "responder",
    "hands": "worker",
    "stranger": "unknown, out of vocabulary",
    "drawl": "duration penalty",
    "witness": "feature, signal",
    "whoever": "the caller, the client, the user",
    "nobody": "no one named: say what is absent",
    "somebody": "the user, the speaker",
    "mend": "repair",
    "coldly": "at a low temperature",
}
FORMS = {"ears": "ear", "mouths": "mouth", "houses": "house", "doubts": "doubt", "doubtful": "doubt", "minds": "mind",
         "strangers": "stranger", "drawls": "drawl", "witnesses": "witness", "mends": "mend", "mended": "mend",
         "mending": "mend"}  # fmt: skip
# the word in its own sense: file, and the text around it
ALLOWED = (
    ("train/verbs.py", '"ears": "recognizer"'),  # the old name of a stage, accepted for one release
    ("voice/data/grammar.py", "house"),  # everyday nouns that the TTS teachers speak
    ("voice/data/sentences.py", "witness"),  # test sentences, written to be balanced
    ("voice/data/sentences.py", "hands"),
)
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every name, docstring and comment of a file."""
    source = path.read_text()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.NAME, tokenize.COMMENT):
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text:
                start = node.body[0].lineno
                yield from ((start + at, line) for at, line in enumerate(text.splitlines()))


def private_words(path: Path) -> list[str]:
    """What is wrong in a file: "line: word (say …)"."""
    name = str(path.relative_to(SOURCE))
    lines = path.read_text().splitlines()
    found = set()
    for at, text in texts(path):
        for match in WORD.findall(text):
            word = FORMS.get(match.lower(), match.lower())
            if word in PRIVATE and not any(file == name and part in lines[at - 1] for file, part in ALLOWED):
                found.add((at, match))
    return [f"{at}: {match} (say {PRIVATE[FORMS.get(match.lower(), match.lower())]})" for at, match in sorted(found)]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_uses_no_private_word(path: Path) -> None:
    assert not (found := private_words(path)), f"{path}: " + "; ".join(found)


def test_the_check_finds_private_words() -> None:
    names = [text for _, text in texts(Path(__file__))]
    assert any("private word" in text for text in names) and "SOURCE" in names
    assert WORD.findall("LeftEar reads_ears HTTPMouth") == ["Left", "Ear", "reads", "ears", "HTTP", "Mouth"]
