"""Human recordings as a data source: a folder with a manifest, sampled evenly over speakers."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.data.config import HumanRecordings
from roundelay.voice.data.teacher import RATE_HZ
from roundelay.voice.data.text import clean

KINDS = ("sentence", "phrase", "word")  # the order in which a speaker's clips are taken


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording: its path inside the folder, transcript, speaker and origin."""

    path: str
    text: str
    speaker: str
    split: str
    kind: str
    licence: str
    source: str
    duration_s: float

    @property
    def origin(self) -> str:
        """The collection: the name of the clip's folder."""
        return Path(self.path).parent.name


def clips(people: HumanRecordings) -> list[Clip]:
    """All clips of the folder's manifest, in order; raises `BadInput` if it is missing or damaged."""
    path = Path(people.folder) / "manifest.jsonl"
    if not path.is_file():
        raise BadInput("people folder", people.folder, "has no manifest.jsonl")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            found.append(
                Clip(
                    str(row["path"]),
                    clean(row["text"]),
                    "human-" + str(row["speaker"]),
                    str(row["split"]),
                    str(row.get("kind", "sentence")),
                    str(row["licence"]),
                    str(row.get("source", "")),
                    float(row["duration_s"]),
                )
            )
        except (ValueError, TypeError, KeyError) as error:
            raise BadInput("manifest", f"{path}:{number}", f"cannot be read ({error})") from None
    return found


def choose_clips(people: HumanRecordings, hours: float, seed: int) -> dict[str, list[Clip]]:
    """The clips of each split: all of `dev` and `test`, at most `hours` of `train` within the caps.

    Within an origin clips are taken from the speakers in turn, sentences first: diverse speakers, long clips.
    """
    splits: dict[str, list[Clip]] = defaultdict(list)
    origins: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips(people):
        if clip.split == "train":
            origins[clip.origin][clip.speaker].append(clip)
        else:
            splits[clip.split].append(clip)
    taken = {
        origin: _turns(speakers, people.caps_s.get(origin, float("inf")), np.random.default_rng([seed, k]))
        for k, (origin, speakers) in enumerate(sorted(origins.items()))
    }
    total_s = sum(clip.duration_s for group in taken.values() for clip in group)
    part = min(1.0, hours * 3600 / total_s) if total_s else 0.0
    for group in taken.values():
        splits["train"] += _head(group, part * sum(clip.duration_s for clip in group))
    np.random.default_rng([seed, 99]).shuffle(splits["train"])
    return dict(splits)


def sound(people: HumanRecordings, clip: Clip) -> np.ndarray | None:
    """The clip's samples, float32 [T] at 16 kHz, or None if the file cannot be read."""
    try:
        return Audio.read(Path(people.folder) / clip.path, RATE_HZ).samples
    except BadInput:
        return None


def _turns(speakers: dict[str, list[Clip]], cap_s: float, rng: np.random.Generator) -> list[Clip]:
    queues = []
    for _, group in sorted(speakers.items()):
        order = rng.permutation(len(group))
        rank = {kind: k for k, kind in enumerate(KINDS)}
        queues.append(sorted((group[k] for k in order), key=lambda clip: rank.get(clip.kind, 0)))
    rng.shuffle(queues)
    rounds = max(map(len, queues), default=0)
    return _head([queue[k] for k in range(rounds) for queue in queues if k < len(queue)], cap_s)


def _head(group: list[Clip], seconds: float) -> list[Clip]:
    taken, total = [], 0.0
    for clip in group:
        if total + clip.duration_s > seconds + 1e-6:
            break
        taken.append(clip)
        total += clip.duration_s
    return taken
