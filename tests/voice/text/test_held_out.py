"""Readings written before the normaliser's were looked at: at least this share of each half is read so."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from roundelay.voice.text.normalise import normalise

LINES = [
    [part.strip() for part in line.split(" | ")]
    for line in (Path(__file__).parent / "held_out.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def half(name: str) -> list[list[str]]:
    """The lines of a half, "dev" or "test", by the CRC of the written text."""
    return [line for line in LINES if ("dev", "test")[zlib.crc32(line[0].encode()) % 2] == name]


def wrong(lines: list[list[str]]) -> list[tuple[str, str]]:
    """The lines that are read otherwise: what is written and what is said."""
    return [(line[0], said) for line in lines if (said := normalise(line[0])) not in line[1:]]


@pytest.mark.parametrize("name", ["dev", "test"])
def test_readings_of_the_held_out_set(name: str) -> None:
    lines = half(name)
    found = wrong(lines)
    assert len(found) <= 0.05 * len(lines), found
