"""The time of one training step, as named parts that sum to it: analytic, so that every second can be asked why.

`step_time` times one configuration, `evaluate` a grid of them by the very same formulas. The critical stage of the
pipeline sets the pace: every micro-batch passes it once, the others fill and drain (the bubble). What a collective
cannot hide behind compute is a part of its own. Sources: 1F1B and interleaving, Narayanan et al. (arXiv 2104.04473,
section 2.2); sequence parallelism and selective recomputation, Korthikanti et al. (arXiv 2205.05198); the rest is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from roundelay.console import table_text
from roundelay.errors import BadInput
from roundelay.fabric.job import hardware as specs
from roundelay.fabric.job import workload as models
from roundelay.fabric.job.hardware import Hardware, Links, Software
from roundelay.fabric.job.parallelism import Job, Parallelism
from roundelay.fabric.job.workload import ModelSpec
from roundelay.fabric.specs import architectures
from roundelay.fabric.steptime import collectives, layers, memory, sharding
from roundelay.fabric.steptime.accuracy import Accuracy, accuracy, kind_of
from roundelay.fabric.steptime.grid import Grid, Scenario
from roundelay.fabric.steptime.memory import MemoryUse

Array = np.ndarray
# read and written a parameter: Adam 28 (gradient, master weight, two moments; three of them written), weights 6, the
# gradient's norm 4, unscaling or clipping 8, clearing 4
OPTIMISER_BYTES = 50
KINDS = ("weights", "gradients", "optimiser", "gathered", "activations", "logits", "reserved")


@dataclass(frozen=True, slots=True)
class Parts:
    """Seconds of a step [N]; their sum is the step.

    products, attention, elementwise, recompute: compute of all micro-batches on the critical stage; head: the output
    head and the loss, where that stage has them; tensor, context, expert, pipeline, data: communication that nothing
    hides; bubble: waiting while the pipeline fills and drains; launch: waiting for the host, where its launches take
    longer than what they launch; optimiser: Adam.
    """

    products: Array
    attention: Array
    elementwise: Array
    recompute: Array
    head: Array
    tensor: Array
    context: Array
    expert: Array
    pipeline: Array
    bubble: Array
    data: Array
    launch: Array
    optimiser: Array

    @property
    def total(self) -> Array:
        """The step."""
        return sum((getattr(self, field.name) for field in fields(self)), start=np.zeros(1))


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A grid, timed: parts, what is hidden, bytes in memory, and the step in seconds [N]."""

    parts: Parts
    hidden_tensor: Array
    hidden_data: Array
    memory: MemoryUse
    step_s: Array


@dataclass(frozen=True, slots=True)
class StepTime:
    """One step: `parts` in seconds sum to `step_s`; `memory_gb` by kind sums to `memory_total_gb` (1 GB = 10^9 bytes).

    `mfu` counts every query against every key, as the papers do, `mfu_causal` only the pairs that the mask leaves;
    `hfu` adds what is recomputed. `hidden` are seconds of communication that run beside compute and cost nothing.
    """

    step_s: float
    parts: dict[str, float]
    hidden: dict[str, float]
    memory_gb: dict[str, float]
    memory_total_gb: float
    memory_limit_gb: float
    mfu: float
    mfu_causal: float
    hfu: float
    tflops_per_gpu: float
    tokens_per_s: float
    gpus: int
    parallelism: Parallelism
    job: Job
    accuracy: Accuracy
    billions: float

    @property
    def low_s(self) -> float:
        """The step, were the model as much too slow as it has been."""
        return self.step_s / (1 + self.accuracy.ratio)

    @property
    def high_s(self) -> float:
        """The step, were the model as much too fast as it has been."""
        return self.step_s * (1 + self.accuracy.ratio)

    @property
    def fits(self) -> bool:
        """Whether it fits into the GPU's memory."""
        return self.memory_total_gb <= self.memory_limit_gb

    def largest_losses(self, count: int = 2) -> list[tuple[str, float]]:
        """Return the largest parts that are not compute, each with its share of the step, largest first."""
        compute = ("products_s", "attention_s", "elementwise_s", "head_s")
        shares = {name: value / self.step_s for name, value in self.parts.items() if name not in compute}
        largest = sorted(shares.items(), key=lambda pair: -pair[1])[:count]
        return [(name.removesuffix("_s"), share) for name, share in largest]

    def seconds_table(self) -> list[dict[str, object]]:
        """Return rows of what takes how many seconds, and the share of the step; the last row is the step."""
        rows: list[dict[str, object]] = [
            {"what": name.removesuffix("_s").replace("_", " "), "s": value, "share": f"{value / self.step_s:.1%}"}
            for name, value in self.parts.items()
            if value
        ]
        return [*rows, {"what": "step", "s": self.step_s, "share": "100.0%"}]

    def memory_table(self) -> list[dict[str, object]]:
        """Return rows of what takes how many GB of one GPU; the last row is all of it."""
        rows: list[dict[str, object]] = [{"what": kind, "gb": size} for kind, size in self.memory_gb.items() if size]
        return [*rows, {"what": "in all", "gb": self.memory_total_gb}]

    def summary(self) -> str:
        """Return utilisation, throughput and the configuration in one sentence."""
        p, job = self.parallelism, self.job
        return (
            f"MFU {self.mfu:.1%} (causal pairs only {self.mfu_causal:.1%}), {self.tflops_per_gpu:.0f} TFLOP/s a GPU, "
            f"{self.tokens_per_s:,.0f} tokens/s; tp {p.tp} pp {p.pp} dp {p.dp} cp {p.cp} ep {p.ep}, micro-batch "
            f"{job.micro_batch}, interleave {job.interleave}, recompute {job.recompute}, zero {job.zero}"
            + (", sequence parallel" if job.sequence_parallel else "")
            + f"; step {self.low_s:.4g} to {self.high_s:.4g} s, {self.accuracy}"
        )

    def __str__(self) -> str:
        title = f"a training step on {self.gpus:,} GPUs"
        seconds = table_text(self.seconds_table(), {"what": title, "s": "seconds", "share": "share"})
        memory = table_text(self.memory_table(), {"what": "memory of a GPU", "gb": "GB"})
        return f"{seconds}\n{memory}\n{self.summary()}"


def scenario_of(
    model: ModelSpec | str,
    seq: int,
    global_batch: int,
    hardware: Hardware | str = "h100",
    links: Links | str = "dgx",
    software: Software | str | None = None,
) -> Scenario:
    """Return what all configurations share, from nouns or their names; the software is by default the GPU's.

    Raises `BadInput` for a name that is unknown, and for tokens or sequences below 1 or very many.
    """
    Job(seq, global_batch)
    model = models.read(model) if isinstance(model, str) else model
    gpu = specs.hardware(hardware) if isinstance(hardware, str) else hardware
    links = architectures.links(links) if isinstance(links, str) else links
    if software is None:
        software = gpu.software
    soft = specs.software(software) if isinstance(software, str) else software
    if soft.fp8 and not gpu.fp8_tflops:
        name = software if isinstance(software, str) else "with FP8"
        raise BadInput(
            "--software", name, "needs 8-bit products, which this --hardware has not; choose another of the two"
        )
    return Scenario(model, gpu, links, soft, seq, global_batch)


def evaluate(scenario: Scenario, grid: Grid) -> Evaluated:
    """Return the times and bytes of every configuration of the grid, whether or not it fits or divides."""
    model = scenario.model
    share = model.moe_layers / model.shape.layers
    layer = layers.dense(scenario, grid)
    if share:
        layer = layer.mix(layers.moe(scenario, grid), share)
    ending = layers.head(scenario, grid)
    used = memory.memory_use(scenario, grid)
    comms = communication(scenario, grid, layer, share)
    middle, last, _ = memory.stage_layers(scenario, grid)

    again = recompute(scenario, grid, layer, comms.forward)
    products = layer.matrix + layer.input_gradient + layer.weight_gradient
    attention = layer.attention + layer.attention_back
    passes = layer.elementwise + layer.elementwise_back
    one_layer = products + attention + passes + again + comms.tensor + comms.context + comms.expert
    head = ending.matrix + ending.input_gradient + ending.weight_gradient + ending.elementwise + ending.elementwise_back
    head = head + 2 * comms.unit
    last_paces = last * one_layer + head > middle * one_layer
    n = np.where(last_paces, last, middle)
    micro = scenario.global_batch / (grid.dp * grid.micro_batch)
    hops = np.where(grid.pp > 1, 2 * grid.interleave, 0.0) * comms.hop
    launch = launch_s(scenario, grid, one_layer)
    filling = stages_to_fill(scenario, grid) * (middle * (one_layer + launch) + hops)

    back_layer = layer.input_gradient + layer.weight_gradient + layer.attention_back + layer.elementwise_back
    both = (middle * (layer.matrix + layer.attention + layer.elementwise), middle * back_layer)
    sharded = np.where(grid.zero >= 2, middle * (again + launch), 0.0)  # collectives run on while the GPU waits
    stage = sharding.StagePass(both[0], both[1] + sharded, middle, micro)
    data, hidden = sharding.data_parallel(scenario, grid, used, stage)
    parts = Parts(
        products=micro * n * products,
        attention=micro * n * attention,
        elementwise=micro * n * passes,
        recompute=micro * n * again,
        head=np.where(last_paces, micro * head, 0.0),
        tensor=micro * n * comms.tensor,
        context=micro * n * comms.context,
        expert=micro * n * comms.expert,
        pipeline=micro * hops,
        bubble=filling,
        data=data,
        launch=micro * n * launch,
        optimiser=optimiser_s(scenario, grid, used),
    )
    return Evaluated(parts, micro * n * comms.hidden, hidden, used, parts.total)


def launch_s(scenario: Scenario, grid: Grid, layer: Array) -> Array:
    """Seconds a layer and micro-batch waits for the host: one launch of its kernels forward, one backward, one more
    where all is recomputed, less what the layer itself takes.
    """
    floor = scenario.software.host_us * 1e-6 * np.where(grid.recompute == 2, 3.0, 2.0)
    return np.maximum(floor - layer, 0.0)


def stages_to_fill(scenario: Scenario, grid: Grid) -> Array:
    """Return how many micro-batches' worth of a stage the pipeline waits: (pp - 1)/interleave.

    DualPipe waits (pp/2 - 1)(F&B + B - 3W), that is two thirds of (pp/2 - 1) forward and backward passes where a
    backward pass is two forward ones and half of it the weights' (arXiv 2412.19437, Table 2).
    """
    if scenario.software.dualpipe:
        return np.maximum(grid.pp / 2 - 1, 0.0) * 2 / 3
    return (grid.pp - 1) / grid.interleave


@dataclass(frozen=True, slots=True)
class Communication:
    """Seconds a layer and micro-batch, exposed: tensor, context, expert.

    `unit` is one pass over the tensor-parallel group; `forward`, what a recomputed forward pass would expose again;
    `hop`, one transfer between stages.
    """

    tensor: Array
    hidden: Array
    context: Array
    expert: Array
    unit: Array
    forward: Array
    hop: Array


def communication(scenario: Scenario, grid: Grid, layer: layers.Work, share: float) -> Communication:
    """Return the communication of one layer.

    Forward, two all-reduces (with sequence parallelism, two pairs of all-gather and reduce-scatter, as many bytes).
    Backward the same again, beside the weights' gradients where the software can; sequence parallelism gathers the
    inputs once more and leaves two gathers in the open (Korthikanti et al., section 4.2.2).
    """
    shape, t = scenario.model.shape, layers.tokens(scenario, grid)
    row = t * shape.hidden * layers.BF16
    alone = grid.tp == 1
    unit = np.where(alone, 0.0, collectives.hbd_pass_s(scenario, row, grid.tp))
    forward = 4 * unit
    if share:
        wide = collectives.hbd_pass_s(scenario, row * scenario.model.top_k, grid.tp)
        forward = forward + share * np.where((grid.ep > 1) & ~alone, 2 * (wide - unit), 0.0)
    open_back = np.where(grid.sequence_parallel > 0, forward / 2, 0.0)
    beside = forward
    cover = layer.weight_gradient + np.where(grid.sequence_parallel > 0, layer.input_gradient, 0.0)
    hidden = (
        scenario.hardware.overlap_ratio * np.minimum(beside, cover) if scenario.software.tp_overlap else 0.0 * beside
    )
    keys = t * grid.cp * 2 * np.maximum(shape.key_value / grid.tp, shape.head_dim) * layers.BF16
    context = np.where(grid.cp > 1, 3 * collectives.pass_s(scenario, keys, grid.cp, grid.tp), 0.0)
    expert = np.zeros(len(grid))
    expert_forward = np.zeros(len(grid))
    if share:
        sent = row * scenario.model.top_k / np.where(grid.sequence_parallel > 0, grid.tp, 1.0)
        there = collectives.all_to_all_s(scenario, grid, sent * (1 + scenario.model.imbalance_ratio))
        out = collectives.all_to_all_s(
            scenario, grid, sent * (1 + scenario.model.imbalance_ratio) * scenario.software.dispatch_bytes / layers.BF16
        )
        expert_forward = share * (out + there)
        expert = 2 * expert_forward
        if scenario.software.ep_overlap:  # beside another micro-batch's computing, as DualPipe does
            own = sum((getattr(layer, name) for name in layer.__slots__), start=np.zeros(1))
            expert = np.maximum(expert - own, scenario.hardware.slowdown_ratio * expert)
    inside = grid.gpus <= collectives.domain(scenario)
    rate = np.where(inside, scenario.hbd_bytes_per_s, scenario.dcn_bytes_per_s)
    hop = row / grid.tp / rate + scenario.hardware.dcn_latency_us * 1e-6
    again = forward + context / 3 + expert_forward
    return Communication(forward + open_back + beside - hidden, hidden, context, expert, unit, again, hop)


def recompute(scenario: Scenario, grid: Grid, layer: layers.Work, forward: Array) -> Array:
    """Seconds of doing again what was not kept: nothing, attention's core, or the forward pass with its collectives."""
    core, _, passes, _ = layers.attention_core(scenario, grid)
    whole = layer.matrix + layer.attention + layer.elementwise + forward
    return np.select([grid.recompute == 2, grid.recompute == 1], [whole, core + passes], 0.0)


def optimiser_s(scenario: Scenario, grid: Grid, used: MemoryUse) -> Array:
    """Seconds of Adam over the parameters this GPU keeps the state of; it only moves memory."""
    ranks = np.where(grid.zero >= 1, grid.dp * grid.cp, 1.0)
    experts = np.where(grid.zero >= 1, grid.dp * grid.cp / grid.ep, 1.0)
    own = used.dense_parameters / ranks + used.expert_parameters / experts
    return layers.moved_s(scenario, OPTIMISER_BYTES * own, 1)


def step_time(
    model: ModelSpec | str,
    parallelism: Parallelism,
    job: Job,
    hardware: Hardware | str = "h100",
    links: Links | str = "dgx",
    software: Software | str | None = None,
) -> StepTime:
    """Return the time of one step of this job, cut this way, on this GPU and these links.

    Names stand for what comes with the package. Raises `BadInput` where something does not divide or the domain is too
    small; whether it fits into memory is `StepTime.fits` (`remedies.require` says what would make it fit).
    """
    from roundelay.fabric.steptime import divisibility

    scenario = scenario_of(model, job.seq, job.global_batch, hardware, links, software)
    divisibility.check(scenario, parallelism, job)
    grid = Grid.single(parallelism, job)
    return result(scenario, grid, evaluate(scenario, grid), 0)


def result(scenario: Scenario, grid: Grid, timed: Evaluated, index: int) -> StepTime:
    """Return one configuration of a timed grid as a `StepTime`."""
    parallelism, job = grid.row(index, scenario.seq, scenario.global_batch)
    step = float(timed.step_s[index])
    kinds = {kind: float(getattr(timed.memory, kind)[index]) / 1e9 for kind in KINDS}
    model, gpus, peak = scenario.model, parallelism.gpus, scenario.hardware.matrix_tflops * 1e12
    flops = scenario.global_batch * model.training_flops(scenario.seq)
    done = flops + scenario.global_batch * recomputed_flops(scenario, job)
    return StepTime(
        step_s=step,
        parts={f"{f.name}_s": float(getattr(timed.parts, f.name)[index]) for f in fields(Parts)},
        hidden={"tensor_s": float(timed.hidden_tensor[index]), "data_s": float(timed.hidden_data[index])},
        memory_gb=kinds,
        memory_total_gb=sum(kinds.values()),
        memory_limit_gb=scenario.hardware.memory_gb,
        mfu=flops / step / gpus / peak,
        mfu_causal=scenario.global_batch * model.training_flops(scenario.seq, causal=True) / step / gpus / peak,
        hfu=done / step / gpus / peak,
        tflops_per_gpu=flops / step / gpus / 1e12,
        tokens_per_s=scenario.global_batch * scenario.seq / step,
        gpus=gpus,
        parallelism=parallelism,
        job=job,
        accuracy=accuracy(kind_of(model.moe_layers > 0, scenario.software.fp8, job.zero), gpus, model.parameters),
        billions=model.parameters / 1e9,
    )


def recomputed_flops(scenario: Scenario, job: Job) -> int:
    """FLOPs of one sequence that are done twice (Korthikanti et al., appendix A)."""
    shape = scenario.model.shape
    if job.recompute == "full":
        return scenario.model.forward_flops(scenario.seq) - 2 * scenario.seq * shape.vocab * shape.hidden
    return scenario.model.core_flops(scenario.seq**2) if job.recompute == "selective" else 0
