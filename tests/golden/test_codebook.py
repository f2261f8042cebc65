"""Interleaving of the two codebooks: exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from vectors import Golden

from roundelay.voice.lm.prompt import pad_group
from roundelay.voice.tokens import Tokens


def test_interleave_split_and_string(golden: Callable[[str], Golden]) -> None:
    vectors = golden("codebook")
    names = ("v02", "v06", "llm_ids", "deinterleaved_v02", "deinterleaved_v06")
    columns = [vectors.lists(name) for name in names]
    for v02, v06, ids, back02, back06, string in zip(*columns, vectors.texts("audio_string"), strict=True):
        tokens = Tokens.interleave(v02, v06)
        assert np.array_equal(tokens.ids, ids)
        assert all(map(np.array_equal, tokens.split(), (back02, back06)))
        assert tokens.string() == string


def test_aligned_pairs_of_groups_whole_and_cut_short(golden: Callable[[str], Golden]) -> None:
    vectors = golden("codebook")
    at = vectors["v2.pairs.offsets"]
    for mixed, first, last in zip(vectors.lists("v2.mixed"), at[:-1], at[1:], strict=True):
        assert np.array_equal(pad_group(mixed).pairs(), vectors["v2.pairs.flat"][first:last])
