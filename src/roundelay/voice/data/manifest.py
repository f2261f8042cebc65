"""The manifest: one JSON line per utterance, and access to its audio inside a shard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.data.phones import Phones

MANIFEST, DONE = "manifest.jsonl", "DONE"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One line of the manifest.

    `shard` is relative to the corpus; `offset` and `samples` count 16 kHz samples.
    `speaker` is one voice with its warp; `phones` are (symbol, start_s, end_s) or None; `effects` None
    means clean. `call` is the call of a question of the model's domain (`voice.nlu.skills`).
    """

    id: str
    text: str
    speaker: str
    engine: str
    voice: str
    warp: dict[str, float] | None
    split: str
    duration_s: float
    shard: str
    offset: int
    samples: int
    rate_hz: int
    licence: str
    engine_version: str
    seed: int
    phones: Phones | None
    effects: dict[str, Any] | None
    kind: str
    call: str | None = None

    def line(self) -> str:
        """The utterance as one JSON line, without its newline; times rounded to a tenth of a millisecond."""
        row = asdict(self)
        if self.phones is not None:
            row["phones"] = [[symbol, round(start, 4), round(end, 4)] for symbol, start, end in self.phones]
        return json.dumps(row, ensure_ascii=False, allow_nan=False)


def read_manifest(corpus: Path | str) -> Iterator[Utterance]:
    """Every utterance of a corpus folder, in order; raises `BadInput` for a missing or broken manifest."""
    path = Path(corpus) / MANIFEST
    if not path.is_file():
        raise BadInput("corpus", corpus, f"has no {MANIFEST}; build it with roundelay voice data build")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
                row["phones"] = None if row["phones"] is None else tuple((s, a, b) for s, a, b in row["phones"])
                yield Utterance(**row)
            except (ValueError, TypeError, KeyError) as error:
                raise BadInput("manifest", f"{path}:{number}", f"cannot be read ({error})") from None


def sound_of(corpus: Path | str, utterance: Utterance) -> np.ndarray:
    """The samples of one utterance, float32 [T] at its rate; raises `BadInput` if its shard lacks them."""
    import soundfile

    path = Path(corpus) / utterance.shard
    try:
        stop = utterance.offset + utterance.samples
        samples, _ = soundfile.read(path, start=utterance.offset, stop=stop, dtype="float32")
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise BadInput("shard", path, f"cannot be read ({error})") from None
    if samples.size != utterance.samples:
        raise BadInput("shard", path, f"is truncated: {utterance.id} is missing")
    return samples
