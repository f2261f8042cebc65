"""Tokens: audio as ids in the vocabulary, in groups of two linguistic and three semantic codes per 120 ms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.vocab import VOCAB

JSON_PART = 4_096  # codes that are made text at a time
REPAIR = "give ids made by `roundelay voice encode`"


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Audio ids int32 [T], T a multiple of five, every group [v02, v02, v06, v06, v06] (Step-Audio,
    arXiv 2502.11946).

    Law: `Tokens.interleave(*tokens.split())` holds the same ids. Raises `BadInput` for an id out of range, a
    code out of the 2+3 pattern, or an incomplete last group. Zero tokens are allowed: a stream may have
    none yet.
    """

    ids: np.ndarray

    def __post_init__(self) -> None:
        ids = _integers("token ids", self.ids)
        if len(ids) % VOCAB.group:
            raise BadInput("token ids:", f"{len(ids)} of them", f"are not whole groups of {VOCAB.group}; {REPAIR}")
        _in_pattern(ids)
        ids = ids.astype(np.int32)
        ids.setflags(write=False)
        object.__setattr__(self, "ids", ids)

    @staticmethod
    def part(ids: np.ndarray) -> None:
        """Raise `BadInput` unless `ids` are whole groups and the beginning of another, as in a stream."""
        _in_pattern(_integers("token ids", ids))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def groups(self) -> int:
        """The number of 120 ms groups."""
        return len(self.ids) // VOCAB.group

    @property
    def duration_s(self) -> float:
        """The duration in seconds."""
        return self.groups * VOCAB.group_ms / 1000

    @classmethod
    def empty(cls) -> Tokens:
        """No tokens."""
        return cls(np.zeros(0, np.int32))

    @classmethod
    def interleave(cls, linguistic: np.ndarray, semantic: np.ndarray) -> Tokens:
        """Tokens from codes [A] and [B]: min(A//2, B//3) groups; the rest is dropped, as published."""
        v02 = _codes("linguistic", linguistic, VOCAB.linguistic)
        v06 = _codes("semantic", semantic, VOCAB.semantic)
        two, three = VOCAB.linguistic_per_group, VOCAB.semantic_per_group
        groups = min(len(v02) // two, len(v06) // three)
        first = v02[: groups * two].reshape(groups, two) + VOCAB.linguistic_offset
        then = v06[: groups * three].reshape(groups, three) + VOCAB.semantic_offset
        return cls(np.concatenate([first, then], axis=1).reshape(-1))

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Linguistic codes int32 [2G], 0..1023, and semantic codes int32 [3G], 0..4095."""
        table = self.ids.reshape(-1, VOCAB.group)
        two = VOCAB.linguistic_per_group
        linguistic = table[:, :two].reshape(-1) - VOCAB.linguistic_offset
        return linguistic, table[:, two:].reshape(-1) - VOCAB.semantic_offset

    def pairs(self) -> np.ndarray:
        """Aligned pairs int64 [3G, 2] as Step-Audio-EditX packs them.

        Column 0 holds the linguistic code, with `VOCAB.pad` in every third row; column 1 the semantic code
        shifted by 1,025 (its offset among audio codes, and one for the pad).
        """
        linguistic, semantic = self.split()
        padded = np.full((self.groups, VOCAB.semantic_per_group), VOCAB.pad, np.int64)
        padded[:, : VOCAB.linguistic_per_group] = linguistic.reshape(self.groups, -1)
        return np.stack([padded.reshape(-1), semantic.astype(np.int64) + VOCAB.linguistic + 1], axis=1)

    def string(self) -> str:
        """The form in a prompt: `<audio_0><audio_1023>…`, numbers without the text offset."""
        return "".join(f"<audio_{i - VOCAB.text}>" for i in self.ids)

    def join(self, *others: Tokens) -> Tokens:
        """These tokens, then the others."""
        return Tokens(np.concatenate([self.ids, *(other.ids for other in others)]))

    def to_json(self) -> dict[str, Any]:
        """The contract of `encode`: ids, linguistic, semantic, rate_hz."""
        linguistic, semantic = (codes.tolist() for codes in self.split())
        rate = round(VOCAB.rate_hz, 2)
        return {"ids": self.ids.tolist(), "linguistic": linguistic, "semantic": semantic, "rate_hz": rate}

    def json_parts(self) -> Iterator[str]:
        """Yield `to_json` as a line of JSON in parts, so that it is never whole in memory."""
        linguistic, semantic = self.split()
        for key, codes in (("ids", self.ids), ("linguistic", linguistic), ("semantic", semantic)):
            yield f'{"{" if key == "ids" else ", "}"{key}": ['
            for at in range(0, len(codes), JSON_PART):
                yield (", " if at else "") + ", ".join(map(str, codes[at : at + JSON_PART]))
            yield "]"
        yield f', "rate_hz": {round(VOCAB.rate_hz, 2)}}}\n'

    @classmethod
    def from_json(cls, value: object, name: object = "tokens") -> Tokens:
        """Tokens from what `to_json` gives; the two codebooks, when present, must agree with the ids."""
        if not isinstance(value, Mapping) or not isinstance(value.get("ids"), list):
            raise BadInput("token file", name, 'must be a JSON object with a list "ids"; make it with encode')
        tokens = cls(value["ids"])
        if not len(tokens):
            raise BadInput("token file", name, "holds no tokens")
        for key, codes in zip(("linguistic", "semantic"), tokens.split(), strict=True):
            if key in value and value[key] != codes.tolist():
                raise BadInput("token file", name, f'"{key}" does not agree with "ids"; make it again with encode')
        return tokens

    @classmethod
    def read(cls, path: Path | str) -> Tokens:
        """Tokens from a JSON file; raises `BadInput` for a missing, unreadable or ill-shaped one."""
        try:
            value = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise BadInput("token file", path, f"cannot be read ({error.strerror})") from None
        except (ValueError, RecursionError):
            raise BadInput("token file", path, "is not JSON; make it with `roundelay voice encode`") from None
        return cls.from_json(value, path)


def _integers(what: str, values: np.ndarray | Sequence[int]) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError:
        raise BadInput(what, "of uneven shape", f"must be one flat list of integers; {REPAIR}") from None
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise BadInput(what, f"of shape {array.shape}, {array.dtype}", f"must be a flat list of integers; {REPAIR}")
    return array.astype(np.int64)


def _in_pattern(ids: np.ndarray) -> None:
    place = np.arange(len(ids)) % VOCAB.group
    semantic = place >= VOCAB.linguistic_per_group
    low = np.where(semantic, VOCAB.semantic_offset, VOCAB.linguistic_offset)
    high = np.where(semantic, VOCAB.audio_end, VOCAB.semantic_offset)
    wrong = np.flatnonzero((ids < low) | (ids >= high))
    if wrong.size:
        at = int(wrong[0])
        kind = "semantic" if semantic[at] else "linguistic"
        raise BadInput(
            "token id",
            f"{ids[at]} at place {at}",
            f"must be a {kind} id, {low[at]} to {high[at] - 1}; {REPAIR}",
        )


def _codes(name: str, values: np.ndarray | Sequence[int], size: int) -> np.ndarray:
    codes = _integers(f"{name} codes", values)
    wrong = codes[(codes < 0) | (codes >= size)]
    if wrong.size:
        raise BadInput(f"{name} code", int(wrong[0]), f"must be 0 to {size - 1}")
    return codes
