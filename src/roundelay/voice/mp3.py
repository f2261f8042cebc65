"""The length that an MP3 file states of itself: the Xing or Info header of its first frame (ours).

Only encoders that may go back to the start of their file write one. Where it is missing, a length could but be guessed
from the first frame's bit rate, which is wrong for a variable one; so none is given.
"""

from __future__ import annotations

from pathlib import Path

ID3_HEAD = 10  # bytes in front of an ID3v2 tag
HEAD_BYTES = 4096  # padding, the first frame's header, its side information and the Xing header
SIDE_BYTES = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}  # (MPEG-1, mono), ISO 11172-3
FRAMES_FLAG = 1


def stated_samples(path: Path) -> int | None:
    """How many samples a channel has by the file's own header; None where it states nothing."""
    with path.open("rb") as file:
        start = file.read(ID3_HEAD)
        if start[:3] == b"ID3" and len(start) == ID3_HEAD:
            size = 0
            for byte in start[6:]:
                size = size << 7 | byte & 0x7F
            file.seek(ID3_HEAD + size)
        else:
            file.seek(0)
        head = file.read(HEAD_BYTES)
    at = head.find(b"\xff")
    if at < 0 or len(head) < at + 4 or head[at + 1] & 0xE6 != 0xE2:  # eleven bits of sync, layer III
        return None
    mpeg1, mono = head[at + 1] & 0x18 == 0x18, head[at + 3] & 0xC0 == 0xC0
    tag = at + 4 + SIDE_BYTES[mpeg1, mono]
    if head[tag : tag + 4] not in (b"Xing", b"Info") or not int.from_bytes(head[tag + 4 : tag + 8]) & FRAMES_FLAG:
        return None
    return int.from_bytes(head[tag + 8 : tag + 12]) * (1152 if mpeg1 else 576) or None
