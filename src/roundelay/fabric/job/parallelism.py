"""How a job is cut over GPUs, and what it trains: the nouns of `fabric.steptime` and `fabric.search`."""

from __future__ import annotations

from dataclasses import dataclass, fields

from roundelay.errors import BadInput

RECOMPUTE = ("none", "selective", "full")
MOST = 1_000_000_000  # tokens of a sequence, sequences of a step


@dataclass(frozen=True, slots=True)
class Parallelism:
    """GPUs along each axis: tensor, pipeline, data, context, expert.

    A job has tp·pp·dp·cp GPUs; experts are spread over `ep` of the dp·cp ranks that hold the same layers (Megatron's
    convention). Raises `BadInput` where an axis is below one or `ep` does not divide dp·cp.
    """

    tp: int = 1
    pp: int = 1
    dp: int = 1
    cp: int = 1
    ep: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise BadInput(f"--{field.name}", value, "give a whole number, one or more")
        if self.dp * self.cp % self.ep:
            raise BadInput("--ep", self.ep, f"must divide dp x cp, {self.dp * self.cp}")

    @property
    def gpus(self) -> int:
        """GPUs of the job."""
        return self.tp * self.pp * self.dp * self.cp

    def cut(self, separator: str = "·") -> str:
        """Return tp, pp, dp, cp and ep in one word, as tables show them."""
        return separator.join(str(axis) for axis in (self.tp, self.pp, self.dp, self.cp, self.ep))


@dataclass(frozen=True, slots=True)
class Job:
    """What one step trains, and how: `seq` tokens a sequence, `global_batch` sequences a step, `micro_batch` at a time.

    `interleave` is the number of model pieces of a pipeline stage; `zero` is the ZeRO stage (0: nothing of the
    optimiser is shared out; 1: its state; 2: also gradients; 3: also weights). Raises `BadInput`.
    """

    seq: int
    global_batch: int
    micro_batch: int = 1
    interleave: int = 1
    recompute: str = "none"
    sequence_parallel: bool = False
    zero: int = 0

    def __post_init__(self) -> None:
        for name in ("seq", "global_batch", "micro_batch", "interleave"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
                do = f"give a whole number, one or more, at most {MOST:,}"
                raise BadInput(f"--{name.replace('_', '-')}", value, do)
        if self.recompute not in RECOMPUTE:
            raise BadInput("--recompute", self.recompute, f"choose from {', '.join(RECOMPUTE)}")
        if self.zero not in (0, 1, 2, 3):
            raise BadInput("--zero", self.zero, "choose from 0, 1, 2, 3")
