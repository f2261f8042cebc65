# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay[voice]"]
# ///
"""Let a model of my own answer, in the same process: python examples/07_my_own_chat_model.py

For a model behind OpenAI's chat interface there is nothing to write: `roundelay serve --chat-url URL`.
"""

from collections.abc import Iterator
from dataclasses import replace

from roundelay import Pipeline
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Request

SHELF = {"whale": "Moby Dick is in the second row.", "windmill": "Don Quixote is lent out until Monday."}


class Librarian:
    """Answers from a shelf of two books; a language model would stand here."""

    name = "librarian"
    capabilities = frozenset()

    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[str]:
        """Yield the answer as it comes; a pipeline speaks the first clause while the next is made."""
        found = [answer for word, answer in SHELF.items() if word in request.text.lower()]
        yield from found or ["I have no book about that."]


pipeline = replace(Pipeline.load(), responder=Librarian())  # the other three engines stay

for question in ("Have you the one with the whale?", "Something about windmills?", "Who won the match?"):
    reply = pipeline.ask(question)
    print(f"{question} {reply.response.text}")
reply.audio().write("answer.wav", force=True)
