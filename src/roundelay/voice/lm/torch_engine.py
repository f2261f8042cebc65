"""The torch engine: for GPUs, or for a checkpoint that was not exported."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from roundelay.voice.lm.engine import CachedEngine
from roundelay.voice.lm.model import State, Step1

GROWTH = 1024  # tokens a session's cache grows by


class TorchEngine(CachedEngine[State]):
    """An engine over a model, on the device and in the precision the model has."""

    def __init__(self, model: Step1) -> None:
        super().__init__(model.shape)
        self.model = model.eval()

    def _empty(self) -> State:
        return self.model.state(capacity=min(GROWTH, self.shape.max_length))

    def _copy(self, memory: State, length: int) -> State:
        return memory.resized(memory.capacity, length)

    @torch.inference_mode()
    def _feed(self, memory: State, start: int, ids: Sequence[int]) -> np.ndarray:
        end = start + len(ids)
        memory.rewind(start)
        if end > memory.capacity:
            larger = memory.resized(min(-(-end // GROWTH) * GROWTH, self.shape.max_length), start)
            memory.keys_LBGSD, memory.values_LBGSD = larger.keys_LBGSD, larger.values_LBGSD
        given = torch.tensor([list(ids)], device=self.model.lm_head.weight.device)
        last = self.model.stream(given, memory)[-1][:, -1]
        logits: np.ndarray = self.model.lm_head(last)[0].float().cpu().numpy()
        return logits
