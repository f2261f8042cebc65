"""The nano engine's weights: loaded once, shared by its transcriber, synthesizer and end-of-turn model (ours)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.voice.decoder.stream import Decoder
from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.engines.nano.ctc_decoder import beam_search
from roundelay.voice.engines.nano.generate import ctc_score
from roundelay.voice.engines.nano.lexicon import Lexicon
from roundelay.voice.graphs import PACKAGED, DamagedWeightsError, manifest, verified_bytes
from roundelay.voice.lm.engine import Engine
from roundelay.voice.lm.onnx_engine import OnnxEngine
from roundelay.voice.nlu.understand import nearest
from roundelay.voice.tokenizer.dual import Tokenizer
from roundelay.voice.tokenizer.phone_recognizer import PHONES, PhoneRecognizer
from roundelay.voice.vocab import VOCAB

WEIGHTS = PACKAGED / "lm"
FILE = "lm.onnx"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class NanoWeights:
    """The networks and tables. They hold no state of a call, so threads may share them."""

    language_model: Engine[Any]
    tokenizer: Tokenizer
    phone_recognizer: PhoneRecognizer
    lexicon: Lexicon
    pronunciations: Callable[[str], list[tuple[int, ...]]]
    decoder: Decoder

    @classmethod
    def load(cls, folder: Path | None = None, codec: Path | None = None, *, warm: bool = False) -> NanoWeights:
        """The weights in the package, or in other folders (`folder` of the language model, `codec` of the codec).

        `warm` also does `warm_up`.
        Raises `DamagedWeightsError` for a file that was altered, belongs to another tokenizer, or has another shape.
        """
        folder = folder or WEIGHTS
        data = verified_bytes(FILE, folder)
        if manifest(folder).get("tokenizer") != hashlib.sha256(verified_bytes("tokenizer.onnx", codec)).hexdigest():
            raise DamagedWeightsError(folder / FILE, "learnt the codes of another tokenizer")
        engine = OnnxEngine(data)
        if engine.shape.vocab != vocabulary.NANO.size:
            raise DamagedWeightsError(
                folder / FILE, f"is of another shape: {engine.shape.vocab:,} ids, not {vocabulary.NANO.size:,}"
            )
        lexicon = Lexicon.load(folder)
        tokenizer, phones = Tokenizer.load(codec), PhoneRecognizer.load(codec)
        weights = cls(engine, tokenizer, phones, lexicon, lexicon.pronunciations(), Decoder.load(codec))
        if warm:
            weights.warm_up()
        return weights

    def warm_up(self) -> None:
        """Do what is slow the first time: compile the beam search, build the tables of questions."""
        silence = np.zeros((VOCAB.group, len(PHONES) + 1), np.float32)
        beam_search(self.lexicon, silence)
        ctc_score(silence, [1])
        nearest("what time is it")
