"""A GPU, the software it runs and the links it has, read from `specs/`: every number with its unit and source."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from roundelay import config
from roundelay.errors import BadInput

SPECS = Path(__file__).parents[1] / "specs"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hardware:
    """A GPU: its data sheet, and the ratios of it that training reaches (calibrated; the TOML says on which rows).

    Gb/s are of one direction, per GPU. `hbd_gbps` is the GPU's own NVLink, which `dgx` and `nvl-*` use. Attention's
    kernels by year: `flash1_ratio` (FlashAttention and Triton's, 2022), `flash_ratio` (FlashAttention-2, 2023),
    `flash3_ratio` (FlashAttention-3, cuDNN, 2024). `slowdown_ratio` is what a second of sharded data parallelism costs
    the kernels it runs beside; `jitter_ratio`, how far kernels of one GPU scatter about their mean.
    """

    matrix_tflops: float
    multiprocessors: int
    memory_gb: float
    memory_gb_per_s: float
    hbd_gbps: float
    dcn_gbps: float
    hbd_latency_us: float
    dcn_latency_us: float
    matrix_ratio: float
    fill_depth: float
    flash_ratio: float
    memory_ratio: float
    hbd_ratio: float
    dcn_ratio: float
    overlap_ratio: float
    kernel_us: float
    reserved_gb: float
    software: str
    flash1_ratio: float = 0.35
    flash3_ratio: float = 0.55
    slowdown_ratio: float = 0.15
    jitter_ratio: float = 0.01
    fp8_tflops: float = 0.0
    fp8_ratio: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "software":
                continue
            if not 0 <= value < float("inf") or (value == 0 and field.name not in ZERO_IS_FINE):
                raise BadInput(f"hardware: {field.name}", value, "give a number above zero")
            if field.name.endswith("_ratio") and value > 1:
                raise BadInput(f"hardware: {field.name}", value, "is a share of the data sheet; give at most 1")


ZERO_IS_FINE = ("hbd_latency_us", "dcn_latency_us", "overlap_ratio", "slowdown_ratio", "jitter_ratio", "kernel_us",
                "reserved_gb", "fill_depth", "fp8_tflops")  # fmt: skip
ATTENTION = ("scores", "flash-1", "flash-2", "flash-3")


@dataclass(frozen=True, slots=True)
class Software:
    """What the training software does, as its authors describe it; no number here is fitted.

    `attention` is its kernel: `scores` are written, or never (flash-1, -2, -3). `dropout`: masks are drawn and kept.
    `lean`: outputs of norms and of the MLP's activation are made again in the backward pass. `tp_overlap`,
    `dp_overlap`, `ep_overlap`: collectives run beside products. `prefetch`: the next layer's weights are gathered
    during this one (ZeRO 3). `host_us`: the host's time to launch one layer's pass, 0 with CUDA graphs; no layer is
    faster. `passes_ratio`: memory that element-wise kernels move, over the least (kernels not fused move more; this one
    is calibrated). `fp8`: products of the layers in 8 bits. `dispatch_bytes`: of a number sent to an expert.
    `dualpipe`: the pipeline of DeepSeek-V3 (arXiv 2412.19437, section 3.2.1).
    """

    attention: str
    dropout: bool
    lean: bool
    tp_overlap: bool
    dp_overlap: bool
    gradient_bytes: int
    host_us: float
    prefetch: bool = True
    ep_overlap: bool = False
    fp8: bool = False
    dualpipe: bool = False
    passes_ratio: float = 1.0
    dispatch_bytes: int = 2

    @property
    def flash(self) -> bool:
        """Whether attention never writes its scores."""
        return self.attention != "scores"


@dataclass(frozen=True, slots=True)
class Links:
    """A fabric as a collective sees it: a high-bandwidth domain (HBD) of at most `hbd_gpus`, then the datacenter
    network.

    `ring` is a ring of nodes with fibres to the `hops` nearest (0: switched). Gb/s are of one direction, per GPU; 0 for
    `hbd_gbps` takes the GPU's own.
    """

    name: str
    hbd_gpus: int
    hbd_gbps: float
    dcn_gbps: float
    ring: bool = False
    hops: int = 0
    gpus_per_node: int = 1
    switch_us: float = 0.0


def hardware(name: str | Path) -> Hardware:
    """Return the GPU of that name or TOML file; raises `BadInput` naming the nearest."""
    return _build(Hardware, _table(str(name), "hardware"), str(name))


def hardware_names() -> list[str]:
    """Names of the GPUs that come with the package."""
    return sorted(path.stem.removeprefix("hardware-") for path in SPECS.glob("hardware-*.toml"))


def software(name: str) -> Software:
    """Return the training software of that name; raises `BadInput` naming the nearest."""
    tables = tomllib.loads((SPECS / "software.toml").read_text(encoding="utf-8"))
    return _build(Software, dict(config.named(tables, name, "--software")), name)


def with_settings(base: Hardware, sets: dict[str, float]) -> Hardware:
    """Return the GPU with some of its numbers replaced; raises `BadInput` naming the nearest key."""
    known = [field.name for field in fields(Hardware)]
    for key in sets:
        if key not in known:
            raise BadInput("--set", key, config.nearest(key, known))
    return dataclasses.replace(base, **sets)  # type: ignore[arg-type]


def _table(name: str, kind: str) -> dict[str, Any]:
    path = SPECS / f"{kind}-{name}.toml"
    if "/" in name or not path.is_file():
        if not name.endswith(".toml"):
            raise BadInput(f"--{kind}", name, config.nearest(name, hardware_names()) + " (or a TOML file)")
        path = Path(name)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--{kind}", name, f"cannot be read ({error}); give a TOML file") from None
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise BadInput(f"--{kind}", name, f"is not TOML ({error}); correct it") from None


def _build(cls: type[T], table: dict[str, Any], where: str) -> T:
    """Return a `cls` of the table; raises `BadInput` for a key that is unknown (naming the nearest), missing or not a
    number.
    """
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    for key, value in table.items():
        if key not in known:
            raise BadInput(f"key in {where}", key, config.nearest(key, known))
        wanted = str(known[key].type)
        fits = {"float": (int, float), "int": (int,), "str": (str,), "bool": (bool,)}[wanted]
        if not isinstance(value, fits) or (isinstance(value, bool) and wanted != "bool"):
            raise BadInput(f"{key} in {where}", value, f"expected {wanted}")
    for key, field in known.items():
        if key not in table and field.default is dataclasses.MISSING:
            raise BadInput(f"table in {where}", key, "is missing; give it")
    return cls(**table)
