"""Kokoro's graph in ONNX Runtime: symbols in, samples out, and how long each symbol lasts where that is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.errors import BadInput, MissingPackage
from roundelay.voice.engines.kokoro.graph_output import with_output
from roundelay.voice.engines.kokoro.symbols import PAD, token_ids

RATE_HZ = 24_000
FRAME = 600  # samples of one frame of durations
DURATIONS = "/encoder/Clip_output_0"  # frames of each token, before they are summed up; in the exports known here
_KINDS = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64, "tensor(double)": float}


@dataclass(frozen=True, slots=True)
class Spoken:
    """The sound of symbols, float32 [T] at 24 kHz, and the frames of 600 samples of each token with its two pads."""

    samples: np.ndarray
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class KokoroModel:
    """A loaded graph. Threads may share it."""

    session: Any
    inputs: tuple[str, str, str]  # of the tokens, the style and the speed; exports differ in the first
    speed_kind: Any
    timed: bool = False

    @classmethod
    def load(cls, path: Path, threads: int, timed: bool = False) -> KokoroModel:
        """The graph in a file, on so many threads; `timed`: with the tokens' durations. Raises `BadInput`."""
        try:
            import onnxruntime
        except ImportError:
            raise MissingPackage("onnxruntime", "kokoro") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the cores are shared with others
        try:
            graph = with_output(path.read_bytes(), DURATIONS) if timed else str(path)
            session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no root of their own
            what = str(error).splitlines()[0][:120]
            raise BadInput("kokoro model", path, f"cannot be loaded ({what}); fetch it again") from None
        kinds = {each.name: each.type for each in session.get_inputs()}
        tokens = next((name for name in ("tokens", "input_ids") if name in kinds), "")
        if not tokens or not {"style", "speed"} <= kinds.keys():
            raise BadInput("kokoro model", path, f"has the inputs {', '.join(kinds)}, not tokens, style and speed")
        return cls(session, (tokens, "style", "speed"), _KINDS[kinds["speed"]], timed)

    def speak(self, symbols: str, style: np.ndarray, speed: float) -> Spoken:
        """The sound of symbols, at most 510 of them, in a voice [510, 256] at a ratio to its own speed."""
        ids = token_ids(symbols)
        row = style[min(len(ids), len(style) - 1)][None].astype(np.float32)
        values = (np.array([[PAD, *ids, PAD]], np.int64), row, np.array([speed], self.speed_kind))
        found = self.session.run(None, dict(zip(self.inputs, values, strict=True)))
        samples = np.asarray(found[0], np.float32).reshape(-1)
        frames = tuple(int(n) for n in np.asarray(found[-1]).reshape(-1)) if self.timed else ()
        return Spoken(samples, frames)
