"""One question to the fabric: which GPUs, which group size, which architectures, which faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import isfinite

from roundelay.errors import BadInput
from roundelay.fabric.faults import generator
from roundelay.fabric.faults import trace as traces
from roundelay.fabric.faults.trace import GPUS_PER_SERVER, Events
from roundelay.fabric.topology.topology import Fabric
from roundelay.fabric.waste import usable, waste
from roundelay.fabric.waste.closed_form import check_probability

MODELS = ("fitted", "independent", "correlated")


@dataclass(frozen=True, slots=True)
class Study:
    """Settings of `roundelay fabric waste`; every field can stand in --config or --set.

    gpus, gpus_per_node, tp   the fabric and the size of a TP group, in GPUs
    arch                      architectures, comma-separated, or all
    seeds, seed               number of seeds, and the first of them
    trace, servers            a fault history, and the servers it is of: None is what the file tells, said on stderr
    gpus_per_server           GPUs of a server of the trace
    model, fault_model        fitted | independent | correlated; a TOML file of --fit instead of the built-in one
    rack_servers, days        servers that fail together under `correlated`; length of a generated history
    fault_ratio, draws        independent draws at this ratio instead of a history; draws per seed
    job_share                 also report the share of time in which a job of this share of the GPUs must wait
    together                  faults take whole 8-GPU servers whose nodes are neighbours
    spares                    NVL's GPUs above the largest multiple of TP count as spares (64+8), not waste
    """

    gpus: int = 2880
    gpus_per_node: int = 4
    tp: int = 32
    arch: str = "all"
    seeds: int = 20
    seed: int = 0
    trace: str | None = None
    servers: int | None = None
    gpus_per_server: int = GPUS_PER_SERVER
    model: str = "fitted"
    fault_model: str | None = None
    rack_servers: int = 4
    days: float | None = None
    fault_ratio: float | None = None
    draws: int | None = None
    job_share: float | None = None
    together: bool = False
    spares: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.seeds <= 10_000:
            raise BadInput("--seeds", self.seeds, "give 1 to 10,000")
        if self.seed < 0:
            raise BadInput("--seed", self.seed, "give 0 or more")
        if self.servers is not None and self.servers < 1:
            raise BadInput("--servers", self.servers, "give at least 1")
        if not 1 <= self.gpus_per_server <= 1024:
            raise BadInput("gpus_per_server", self.gpus_per_server, "give 1 to 1,024")
        if self.draws is not None and not 1 <= self.draws <= 10_000_000:
            raise BadInput("--draws", self.draws, "give 1 to 10,000,000")
        if self.job_share is not None and not 0 < self.job_share <= 1:
            raise BadInput("--job-share", self.job_share, "give a ratio above 0, at most 1")
        if self.model not in MODELS:
            raise BadInput("--model", self.model, f"choose from {', '.join(MODELS)}")
        if self.fault_ratio is not None:
            if self.trace:
                raise BadInput("--fault-ratio", self.fault_ratio, "goes without --trace; give one of the two")
            if not isfinite(self.fault_ratio):
                raise BadInput("--fault-ratio", self.fault_ratio, "give a ratio from 0 up to, not including, 1")
            check_probability(self.fault_ratio)

    def fabric(self) -> Fabric:
        return Fabric.of_gpus(self.gpus, self.gpus_per_node)

    def architectures(self) -> tuple[list[usable.UsableGpus], dict[str, str]]:
        """Return the architectures, and of each that cannot be on this fabric, by name, why not."""
        return usable.build(self.arch, self.fabric(), self.tp, spares=self.spares)

    def generator_model(self) -> generator.FaultModel:
        """Return the generator's model."""
        model = generator.read_model(self.fault_model)
        if self.model == "independent":
            return generator.independent(model)
        return generator.correlated(model, self.rack_servers) if self.model == "correlated" else model

    def generate(self, seed: int, servers: int) -> traces.Trace:
        """Return a generated history."""
        return generator.generate(self.generator_model(), servers, seed, self.days)

    def histories(self, seeds: Iterable[int] | None = None) -> Iterator[Events]:
        """Yield the events of each seed: the trace in another node order, or another generated history."""
        fabric = self.fabric()
        chosen = range(self.seed, self.seed + self.seeds) if seeds is None else seeds
        if self.trace:
            trace = traces.read(self.trace, self.servers, self.gpus_per_server)
            for seed in chosen:
                yield traces.on_fabric(trace, fabric, seed, together=self.together)
            return
        servers = -(-fabric.gpus // GPUS_PER_SERVER)
        for seed in chosen:
            yield traces.on_fabric(self.generate(seed, servers), fabric, seed, together=self.together)

    def rows(self, histories: Iterable[Events] | None = None) -> list[waste.WasteRow]:
        """Return the answer, a row per architecture."""
        archs, _ = self.architectures()
        if self.fault_ratio is not None:
            seeds = range(self.seed, self.seed + self.seeds)
            return waste.at_ratio(archs, self.fault_ratio, self.tp, seeds, draws=self.draws, job_share=self.job_share)
        chosen = self.histories() if histories is None else histories
        return waste.over_history(archs, chosen, self.tp, job_share=self.job_share)

    def with_(self, **changes: object) -> Study:
        """Return the study with some settings changed."""
        return replace(self, **changes)  # type: ignore[arg-type]
