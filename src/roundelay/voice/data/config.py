"""The data engine's configuration: one TOML file, every key checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from roundelay.errors import BadInput
from roundelay.voice.data.effects import EffectShares
from roundelay.voice.data.filters import FilterLimits
from roundelay.voice.data.teachers import PROGRAMS, TEACHERS

PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class HumanRecordings:
    """Human recordings: a folder with a `manifest.jsonl` of path, text, speaker, split, kind and licence.

    `caps_s` limits the training seconds of a subfolder of `audio/`; 0 leaves it out; without a cap all of it is used.
    """

    folder: str = ""
    caps_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderedLines:
    """Lines that Kokoro has spoken already: the `folder` (`voice/data/rendered.py`), and whether they are `only` read.

    With `only` no line is spoken: kokoro's share of the hours is drawn from the folder's first `lines` lines, 0 for all
    that are there when the build begins. Without a folder it is that of `ROUNDELAY_RENDERED`.
    """

    folder: str = ""
    only: bool = False
    lines: int = 0


@dataclass(frozen=True, slots=True)
class DataConfig:
    """What to build; the hours come from the command line.

    `shares` are mixture weights of the sources (flite, festival, espeak, kokoro, people). `warped_share` of an engine's
    lines is spoken by its `warped_voices` (of Kokoro: mixtures of voices), the others by its plain voices (all, or
    those named in `plain`, but those named in `without`). `loudness_lufs` brings every line of an engine to one
    loudness (EBU R 128); without it the peak is drawn. `texts` are
    mixture weights of the kinds of lines (`voice/data/lines.py`); `lexicon_share` is the share of lexicon lines among
    everyday ones. `voices_seed` fixes the voices independently of `seed`, so that corpora of different seeds share
    their speakers.
    """

    seed: int = 1
    voices_seed: int = 1
    shares: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys([each.name for each in PROGRAMS], 1.0))
    shard_s: float = 600.0
    dev_s: float = 600.0
    test: bool = True
    texts: Mapping[str, float] = field(default_factory=lambda: {"everyday": 1.0})
    lexicon_share: float = 0.5
    plain: Sequence[str] = ()
    without: Sequence[str] = ()
    warped_voices: int = 150
    warped_share: float = 0.5
    loudness_lufs: float | None = None
    effects: EffectShares = field(default_factory=EffectShares)
    filters: FilterLimits = field(default_factory=FilterLimits)
    people: HumanRecordings = field(default_factory=HumanRecordings)
    rendered: RenderedLines = field(default_factory=RenderedLines)

    def __post_init__(self) -> None:
        for name in self.shares:
            if name not in (*TEACHERS, PEOPLE):
                raise BadInput("data source", name, f"is not known; choose from {', '.join((*TEACHERS, PEOPLE))}")
        if not any(share > 0 for share in self.shares.values()) or min(self.shares.values()) < 0:
            raise BadInput("shares", dict(self.shares), "must not be negative, and one must be above zero")
        if not 10 <= self.shard_s <= 3600:
            raise BadInput("shard_s", self.shard_s, "must be 10 to 3600 seconds")
        for name in ("lexicon_share", "warped_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(name, getattr(self, name), "must be between 0 and 1")
        if self.loudness_lufs is not None and not -50 <= self.loudness_lufs <= -10:
            raise BadInput("loudness_lufs", self.loudness_lufs, "must be between -50 and -10; -23 is usual")
        if self.shares.get(PEOPLE, 0) > 0 and not self.people.folder:
            raise BadInput("source", PEOPLE, "needs a folder: set [people] folder")

    def as_dict(self) -> dict[str, Any]:
        """The configuration as plain values, with which a resumed build is compared."""
        return asdict(self)


def load(path: Path | str, changes: Sequence[str] = ()) -> DataConfig:
    """The configuration in a TOML file, with `changes` such as "filters.longest_s=9" made to it.

    Relative folders of `[people]` and `[rendered]` are resolved against that file's folder. Raises `BadInput` for a
    missing file, bad TOML, an unknown key or a value of the wrong kind.
    """
    path = Path(path)
    try:
        table = rename_keys(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:  # ValueError: no text, no TOML, thousands of digits
        raise BadInput("config", path, f"cannot be read ({error})") from None
    for change in changes:
        try:
            _merge(table, rename_keys(tomllib.loads(change)))
        except ValueError:
            raise BadInput("--set", change, "must read name=value, the value as in TOML") from None
    parts = {"effects": EffectShares, "filters": FilterLimits, "people": HumanRecordings, "rendered": RenderedLines}
    for name, kind in parts.items():
        if name in table:
            table[name] = _build_checked(kind, table[name], f"{path} [{name}]")
    config: DataConfig = _build_checked(DataConfig, table, str(path))
    people = replace(config.people, folder=_resolved(config.people.folder, path))
    rendered = replace(config.rendered, folder=_resolved(config.rendered.folder, path))
    return replace(config, people=people, rendered=rendered)


def _resolved(folder: str, beside: Path) -> str:
    """A folder as an absolute path, relative ones below that of the configuration's file; "" stays."""
    return str((beside.parent / folder).resolve()) if folder else ""


def rename_keys(table: dict[str, Any]) -> dict[str, Any]:
    """The table with old names of keys replaced: `gates` is `filters` now."""
    return {{"gates": "filters"}.get(key, key): value for key, value in table.items()}


def _merge(table: dict[str, Any], change: dict[str, Any]) -> None:
    for name, value in change.items():
        if isinstance(value, dict) and isinstance(table.get(name), dict):
            _merge(table[name], value)
        else:
            table[name] = value


def _build_checked(kind: type, table: Any, where: str) -> Any:
    if not isinstance(table, dict):
        raise BadInput("config", where, "must be a table")
    known = {each.name: each for each in fields(kind)}
    for name, value in table.items():
        if name not in known:
            raise BadInput("config key", f"{where} {name}", f"is not known; known are {', '.join(known)}")
        plain = str(known[name].type).split(" | ")[0]
        kinds: dict[str, tuple[type, ...]] = {
            "int": (int,),
            "float": (int, float),
            "bool": (bool,),
            "str": (str,),
        }
        wanted = kinds.get(plain)
        if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and plain != "bool")):
            raise BadInput("config value", f"{where} {name} = {value!r}", f"must be of kind {plain}")
    return kind(**table)
