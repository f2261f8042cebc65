"""The work of one layer on one GPU for one micro-batch: products by their shapes, attention, and what only moves
memory.

Every time is seconds [N]. Methods: roofline of a product (ours: whole waves of tiles, then the data sheet times one
ratio); the list of element-wise passes is that of Korthikanti et al. (arXiv 2205.05198, section 4) turned from bytes
kept into bytes moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roundelay.fabric.steptime.grid import Grid, Scenario

Array = np.ndarray
BF16 = 2
TILES = ((256, 128), (128, 256), (128, 128))


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds of one layer: forward and backward of products, attention and element-wise passes."""

    matrix: Array
    input_gradient: Array
    weight_gradient: Array
    attention: Array
    attention_back: Array
    elementwise: Array
    elementwise_back: Array

    def mix(self, other: Work, share: float) -> Work:
        """A layer of which `share` is the other kind."""
        names = self.__slots__
        return Work(*((1 - share) * getattr(self, n) + share * getattr(other, n) for n in names))


def tokens(scenario: Scenario, grid: Grid) -> Array:
    """Tokens of a micro-batch on one tensor-parallel group."""
    return grid.micro_batch * scenario.seq / grid.cp


def product_s(
    scenario: Scenario,
    m: Array,
    k: Array,
    n: Array,
    *,
    count: Array | float = 1.0,
    out_bytes: int = BF16,
    fp8: bool = False,
) -> Array:
    """Seconds of `count` products [m, k] x [k, n]: whole waves of tiles at the calibrated rate, or the memory they
    move. In 8 bits each factor is cast once for the two products it serves: read in bf16, written in fp8 as it is and
    transposed.
    """
    sms = scenario.hardware.multiprocessors
    waves = np.inf
    for high, wide in TILES:
        blocks = np.ceil(m / high) * np.ceil(n / wide) * count
        waves = np.minimum(waves, np.ceil(blocks / sms) * high * wide)
    flops = 2.0 * waves * sms * (k + scenario.hardware.fill_depth)
    moved = (BF16 * (m * k + k * n) + out_bytes * m * n) * count
    gpu = scenario.hardware
    rate = (gpu.fp8_tflops * gpu.fp8_ratio if fp8 else gpu.matrix_tflops * gpu.matrix_ratio) * 1e12
    cast = moved_s(scenario, 2 * (m * k + k * n) * count, 2) if fp8 else 0.0
    return np.maximum(flops / rate, moved / scenario.memory_bytes_per_s) + gpu.kernel_us * 1e-6 + cast


def moved_s(scenario: Scenario, size: Array, kernels: float) -> Array:
    """Seconds of passes that move `size` bytes in `kernels` launches."""
    return size / scenario.memory_bytes_per_s + kernels * scenario.hardware.kernel_us * 1e-6


def linear(
    scenario: Scenario, m: Array, k: Array, n: Array, count: Array | float = 1.0, *, fp8: bool | None = None
) -> tuple[Array, Array, Array]:
    """Seconds of one linear map: forward, gradient of its input, gradient of its weights (added up in fp32).

    In 8 bits where the software does so, unless `fp8` says otherwise.
    """
    eight = scenario.software.fp8 if fp8 is None else fp8
    forward = product_s(scenario, m, k, n, count=count, fp8=eight)
    back = product_s(scenario, m, n, k, count=count, fp8=eight)
    weights = product_s(scenario, k, m, n, count=count, out_bytes=2 * scenario.software.gradient_bytes, fp8=eight)
    return forward, back, weights


def attention_maps(scenario: Scenario, grid: Grid) -> list[tuple[Array, Array, Array]]:
    """The linear maps of attention; fewer key-value groups than ranks are kept on several of them."""
    model, t, one = scenario.model, tokens(scenario, grid), np.ones(len(grid))
    out = []
    for k, n, cut in model.attention_maps:
        inputs, outputs = k / (grid.tp if cut == "in" else one), n / (grid.tp if cut == "out" else one)
        if cut == "out" and not model.kv_rank:
            outputs = model.shape.query / grid.tp + 2 * np.maximum(
                model.shape.key_value / grid.tp, model.shape.head_dim
            )
        out.append(linear(scenario, t, inputs, outputs))
    return out


def flash_ratio(scenario: Scenario) -> float:
    """Share of the matrix rate that the software's attention kernel reaches on this GPU."""
    gpu = scenario.hardware
    return {"flash-1": gpu.flash1_ratio, "flash-2": gpu.flash_ratio, "flash-3": gpu.flash3_ratio}[
        scenario.software.attention
    ]


def attention_core(scenario: Scenario, grid: Grid) -> tuple[Array, Array, Array, Array]:
    """Seconds of scores, softmax and values: (products forward, backward, memory passes forward, backward).

    Flash attention does the half that the causal mask leaves, forward twice and backward five products, and moves
    nothing; otherwise all pairs are done, and the scores are written and read at every step.
    """
    shape, t = scenario.model.shape, tokens(scenario, grid)
    heads = shape.heads / grid.tp
    zero = np.zeros(len(grid))
    if scenario.software.flash:
        flops = 2.0 * t * scenario.seq * heads * (scenario.model.score_dim + shape.head_dim) / 2
        rate = scenario.hardware.matrix_tflops * 1e12 * flash_ratio(scenario)
        forward = flops / rate + scenario.hardware.kernel_us * 1e-6
        return forward, 2.5 * forward, zero, zero
    count, m = grid.micro_batch * heads, scenario.seq / grid.cp
    d, wide = (np.full(len(grid), float(width)) for width in (shape.head_dim, scenario.model.score_dim))
    n = np.full(len(grid), float(scenario.seq))
    scores, values = product_s(scenario, m, wide, n, count=count), product_s(scenario, m, n, d, count=count)
    back = 2 * scores + 2 * values
    size = count * m * n * BF16
    drop = 2.5 if scenario.software.dropout else 0.0
    return scores + values, back, moved_s(scenario, (1.5 + drop) * size, 2), moved_s(scenario, (2 + drop) * size, 2)


def dense(scenario: Scenario, grid: Grid) -> Work:
    """A layer with one MLP."""
    shape, t = scenario.model.shape, tokens(scenario, grid)
    parts = [*attention_maps(scenario, grid), *mlp(scenario, t, grid.tp, shape.ffn)]
    core, core_back, passes, passes_back = attention_core(scenario, grid)
    forward, back = elementwise(scenario, grid)
    inner = t * shape.ffn / grid.tp * BF16
    forward, back = forward + activation_s(scenario, inner), back + activation_back_s(scenario, inner)
    if scenario.software.lean:
        back = back + activation_s(scenario, inner)
    loose = scenario.software.passes_ratio
    return _work(parts, core, core_back, (loose * forward + passes, loose * back + passes_back))


def moe(scenario: Scenario, grid: Grid) -> Work:
    """A layer with a mixture of experts, on the busiest rank.

    With experts spread over ranks that rank gets `imbalance_ratio` more than the mean; with all experts on every rank
    (tensor parallel) the load is even by construction.
    """
    shape, model, t = scenario.model.shape, scenario.model, tokens(scenario, grid)
    full = np.full(len(grid), float(shape.hidden))
    local = model.experts / grid.ep
    busy = np.where(grid.ep > 1, 1 + model.imbalance_ratio, 1.0)
    routed = t * model.top_k * busy
    parts = [
        *attention_maps(scenario, grid),
        linear(scenario, t, full, np.full(len(grid), float(model.experts)), fp8=False),
        *mlp(scenario, routed / local, grid.tp, model.expert_width, count=local),
    ]
    if model.shared_experts:
        parts += mlp(scenario, t, grid.tp, model.shared_experts * model.expert_width)
    core, core_back, passes, passes_back = attention_core(scenario, grid)
    forward, back = elementwise(scenario, grid)
    inner = (routed + t * model.shared_experts) * model.expert_width / grid.tp * BF16
    forward, back = forward + activation_s(scenario, inner), back + activation_back_s(scenario, inner)
    if scenario.software.lean:
        back = back + activation_s(scenario, inner)
    permute = moved_s(scenario, 4 * routed * shape.hidden * BF16, 2)  # into the experts' order and back
    loose = scenario.software.passes_ratio
    forward, back = loose * forward, loose * back
    return _work(parts, core, core_back, (forward + passes + permute, back + passes_back + permute))


def mlp(
    scenario: Scenario, m: Array, tp: Array, width: int, *, count: Array | float = 1.0
) -> list[tuple[Array, Array, Array]]:
    """The linear maps of an MLP, gated or not."""
    hidden = np.full(len(tp), float(scenario.model.shape.hidden))
    up = (scenario.model.mlp_matrices - 1) * width / tp
    return [linear(scenario, m, hidden, up, count), linear(scenario, m, width / tp, hidden, count)]


def elementwise(scenario: Scenario, grid: Grid) -> tuple[Array, Array]:
    """Seconds (forward, backward) of norms, residuals and dropout, and of laying out queries, keys and values.

    Sequence parallelism shares norms and residuals out over the tensor-parallel group (section 4.2.1).
    """
    shape, t = scenario.model.shape, tokens(scenario, grid)
    row = t * shape.hidden * BF16 / np.where(grid.sequence_parallel > 0, grid.tp, 1.0)
    mask = 0.5 if scenario.software.dropout else 0.0
    laid = t * scenario.model.laid_width / grid.tp * BF16
    forward = moved_s(scenario, row * (2 * 2 + 2 * (3 + mask)) + 2 * laid, 5)
    back = moved_s(scenario, row * (2 * 3 + 2 * (3 + mask)) + 2 * laid, 5)
    if scenario.software.lean:
        back = back + moved_s(scenario, row * 2 * 2, 2)  # the norms once more
    return forward, back


def activation_s(scenario: Scenario, inner: Array) -> Array:
    """Seconds of the MLP's activation: read all that the first product wrote, write the inner width."""
    return moved_s(scenario, inner * scenario.model.mlp_matrices, 1)


def activation_back_s(scenario: Scenario, inner: Array) -> Array:
    """Seconds of its gradient: read the gradient and the inputs, write the inputs' gradients."""
    return moved_s(scenario, inner * (2 * scenario.model.mlp_matrices - 1), 1)


def head(scenario: Scenario, grid: Grid) -> Work:
    """The output head and the loss, on the last stage: logits in fp32 read and written four times in all."""
    shape, t = scenario.model.shape, tokens(scenario, grid)
    part = linear(scenario, t, np.full(len(grid), float(shape.hidden)), shape.vocab / grid.tp, fp8=False)
    logits = t * shape.vocab / grid.tp
    zero = np.zeros(len(grid))
    return _work([part], zero, zero, (moved_s(scenario, logits * 12, 3), moved_s(scenario, logits * 8, 2)))


def _work(parts: list[tuple[Array, Array, Array]], core: Array, core_back: Array, passes: tuple[Array, Array]) -> Work:
    forward, back, weights = (sum(column, start=np.zeros(1)) for column in zip(*parts, strict=True))
    return Work(forward, back, weights, core, core_back, *passes)
