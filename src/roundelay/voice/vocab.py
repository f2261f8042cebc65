"""The vocabulary that both codebooks share with text: the only place where a size or an offset is written.

Text 0..65535, then the linguistic codebook (vq02), then the semantic one (vq06); 74,752 ids in all, of which
5,120 audio ids are used (Step-Audio, arXiv 2502.11946).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vocab:
    """Sizes and offsets of the id space. The defaults are the published ones; others are untested."""

    size: int = 74_752
    text: int = 65_536
    linguistic: int = 1_024
    semantic: int = 4_096
    linguistic_per_group: int = 2
    semantic_per_group: int = 3
    group_ms: int = 120

    @property
    def linguistic_offset(self) -> int:
        """The id of linguistic code 0."""
        return self.text

    @property
    def semantic_offset(self) -> int:
        """The id of semantic code 0."""
        return self.text + self.linguistic

    @property
    def audio_end(self) -> int:
        """One past the last audio id."""
        return self.text + self.linguistic + self.semantic

    @property
    def group(self) -> int:
        """Tokens in a group: two linguistic, then three semantic."""
        return self.linguistic_per_group + self.semantic_per_group

    @property
    def rate_hz(self) -> float:
        """Audio tokens per second: 41.67."""
        return self.group * 1000 / self.group_ms

    @property
    def pad(self) -> int:
        """The code that stands for "no linguistic code here" in aligned pairs (Step-Audio-EditX)."""
        return self.linguistic


VOCAB = Vocab()
