"""One set of phones for all engines: the 41 symbols of flite and festival; espeak-ng's and Kokoro's are translated.

The tables are ours: espeak-ng's mnemonics name finer sounds, and its r-coloured vowels become a vowel and an r.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Phones = tuple[tuple[str, float, float], ...]  # (symbol, start, end), seconds

_SYMBOLS = """
pau aa ae ah ao aw ax ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw v w y z zh
"""
SYMBOLS = tuple(_SYMBOLS.split())
PAUSE = "pau"
_ESPEAK = """
n n|t t|s s|I ih|l l|d d|k k|r r|z z|@ ax|m m|a ae|E eh|3 er|p p|b b|f f|aI ay|V ah|eI ey|i: iy|oU ow
w w|v v|D dh|i iy|u: uw|0 aa|N ng|I# ih|t# t|I2 ih|h hh|g g|@2 ax|a# ax|dZ jh|j y|S sh|@L ax l|; y|3: er
aU aw|T th|A@ aa r|tS ch|O@ ao r|U uh|o@ ao r|O: ao|O2 ao|aa ae|i@ iy ax|e@ eh r|r- r|i@3 iy r|A: aa
OI oy|U@ uh r|aI@ ay ax|t2 t|? t|n- n|aI3 ay er|@- ax|x k|Z zh|@5 ax|aI2 ay|VR ah r|IR ih r|w# w|t[ t
u uw|o ao|e ey|O ao|E2 eh|l^ l|l/ l|R r|@3 er|O@2 ao r|A aa|ER eh r|U2 uh|oU# ow|aU@ aw ax|E# eh|d# d
z# z|I@ ih ax|e: eh|o: ow|l- l|m- m|h2 hh|Y: uw|ts t s
"""
ESPEAK: dict[str, tuple[str, ...]] = {
    pair.split()[0]: tuple(pair.split()[1:]) for line in _ESPEAK.strip().splitlines() for pair in line.split("|")
}
_KOKORO = """
ɑ aa|ɒ aa|a ae|æ ae|ʌ ah|ə ax|ᵊ ax|ɐ ax|ɔ ao|o ao|ɛ eh|ɜ er|ɚ er|ɪ ih|ᵻ ih|i iy|ʊ uh|u uw|A ey|e ey|I ay|O ow|Q ow
W aw|Y oy|b b|ʧ ch|d d|ð dh|f f|ɡ g|h hh|ʤ jh|k k|l l|m m|n n|ŋ ng|p p|ɹ r|s s|ʃ sh|t t|T t|θ th|v v|w w|j y|z z|ʒ zh
"""
KOKORO: dict[str, str] = {
    pair.split()[0]: pair.split()[1] for line in _KOKORO.strip().splitlines() for pair in line.split("|")
}
_KOKORO_PAUSES = frozenset(".!?,;:—…")
HEARD_DB = -38.0  # of the loudest 10 ms
SHORTEST_PAUSE_S = 0.1  # of the space between two of Kokoro's words; a shorter one belongs to the word before


def from_ends(ends: list[tuple[str, float]]) -> Phones:
    """Phones from (symbol, end in seconds) pairs, as flite and festival print them."""
    start, phones = 0.0, []
    for symbol, end in ends:
        name = {"brth": "pau", "h#": "pau"}.get(symbol, symbol)
        if end > start:
            phones.append((name if name in SYMBOLS else "pau", start, end))
        start = max(start, end)
    return tuple(phones)


def from_espeak(events: list[tuple[str, int]], duration_s: float) -> Phones:
    """Phones from espeak-ng's (mnemonic, start in milliseconds) events; unknown and empty ones are pauses."""
    starts = [(symbol, min(at_ms / 1000, duration_s)) for symbol, at_ms in events]
    if not starts or starts[0][1] > 0:
        starts.insert(0, ("_", 0.0))
    phones: list[tuple[str, float, float]] = []
    for (symbol, start), (_, end) in zip(starts, [*starts[1:], ("", duration_s)], strict=True):
        parts = ESPEAK.get(symbol, ("pau",))
        width = (end - start) / len(parts)
        for k, part in enumerate(parts):
            a, b = start + k * width, start + (k + 1) * width
            if b <= a:
                continue
            if phones and phones[-1][0] == part == "pau":
                phones[-1] = ("pau", phones[-1][1], b)
            else:
                phones.append((part, a, b))
    return tuple(phones)


def from_kokoro(symbols: str, frames: Sequence[int], frame_s: float) -> Phones:
    """Phones from Kokoro's symbols and the frames of each, those of the pads before and behind included.

    Marks of stress and length belong to the phone they stand at; `ɜɹ` and `əɹ` are one er. Raises `ValueError` where
    the counts differ.
    """
    phones: list[tuple[str, float, float]] = []
    held, at = 0, 0  # frames of a mark of stress, which the phone behind it has
    for symbol, count in zip(f".{symbols}.", frames, strict=True):
        start, end = (at - held) * frame_s, (at + count) * frame_s
        at += count
        if symbol in "ˈˌ":
            held += count
            continue
        held = 0
        last = phones[-1] if phones else None
        name = KOKORO.get(symbol, PAUSE if symbol in _KOKORO_PAUSES or end - start >= SHORTEST_PAUSE_S else "")
        if name == "r" and last and (last[0] == "er" or (last[0] == "ax" and last[2] == start)):
            phones[-1] = ("er", last[1], end)
        elif last and (not name or last[0] == name == PAUSE):
            phones[-1] = (last[0], last[1], end)
        elif end > start:
            phones.append((name or PAUSE, start, end))
    return tuple(phones)


def earlier(phones: Phones, by_s: float) -> Phones:
    """The phones with every boundary but the first and the last earlier by so many seconds."""
    if len(phones) < 2:
        return phones
    starts = [phones[0][1], *(max(phones[0][1], start - by_s) for _, start, _ in phones[1:])]
    ends = [*starts[1:], phones[-1][2]]
    return tuple((each[0], a, b) for each, a, b in zip(phones, starts, ends, strict=True) if b > a)


def before_pauses(phones: Phones, samples_T: np.ndarray, rate_hz: int) -> Phones:
    """The phones, those before a pause cut where they are heard no more: Kokoro counts the silence to them."""
    size = rate_hz // 100
    power = np.mean(np.square(samples_T[: len(samples_T) // size * size].reshape(-1, size), dtype=np.float64), axis=1)
    heard = power > power.max(initial=0.0) * 10 ** (HEARD_DB / 10)
    found = list(phones)
    for k in range(len(found) - 1):
        (name, start, end), (following, _, after) = found[k], found[k + 1]
        loud = np.flatnonzero(heard[int(start * 100) : int(end * 100)])
        if name != PAUSE and following == PAUSE and len(loud):
            cut = min(end, start + (int(loud[-1]) + 1) / 100)
            found[k], found[k + 1] = (name, start, cut), (PAUSE, cut, after)
    return tuple(found)


def plain(symbol: str) -> str | None:
    """The phone of `voice.tokenizer.phone_recognizer.PHONES` that a symbol belongs to; None for a pause."""
    return None if symbol == PAUSE else "ah" if symbol == "ax" else symbol
