"""Language: the word lists that tell backchannels from turns, and complete turns from incomplete ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one language, in lower case without punctuation. Empty lists: every word asks for the floor.

    `language_table.load` reads one from a file of the package.
    """

    backchannels: frozenset[str] = frozenset()  # said by a listener without asking for the floor
    backchannel_phrases: tuple[str, ...] = ()  # the same, of two words
    incomplete_endings: frozenset[str] = frozenset()  # last words after which another must follow
    complete_after_two: frozenset[str] = frozenset()  # of these, the ones that may end a turn of three words or more
    not_understood: str = ""  # the reply to a turn without words


NO_LANGUAGE = Language()
