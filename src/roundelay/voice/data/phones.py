"""One set of phones for all engines: the 41 symbols of flite and festival; espeak-ng's are translated.

The table is ours: espeak-ng's mnemonics name finer sounds, and its r-coloured vowels become a vowel and an r.
"""

from __future__ import annotations

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


def plain(symbol: str) -> str | None:
    """The phone of `voice.tokenizer.phone_recognizer.PHONES` that a symbol belongs to; None for a pause."""
    return None if symbol == PAUSE else "ah" if symbol == "ax" else symbol
