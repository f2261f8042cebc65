"""A model to be trained: a `roundelay.shape.Shape` and what a Step-1 decoder does not have.

The shape is the very object the language model is built from. GPT models keep the same eight numbers and say here that
their MLP is not gated, their head is tied and their products have biases; mixtures say how many experts stand where.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from roundelay import config, shape
from roundelay.errors import BadInput
from roundelay.shape import Shape

SPECS = Path(__file__).parents[1] / "specs"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A decoder of this shape; by default exactly the one `voice.lm` builds.

    `gated` is SwiGLU (three matrices) against GELU (two); `tied` shares embedding and head; `biases` adds them to every
    product and uses LayerNorm; `positions` learns one vector a place. Every `moe_every`-th layer has `experts` MLPs
    of inner width `expert_ffn`, of which a token visits `top_k`; the busiest rank gets `imbalance_ratio` more tokens
    than the mean. The first `dense_first` layers have a plain MLP all the same; `shared_experts` more experts see every
    token; `route_nodes` is the most servers a token's experts stand on, 0 where nothing limits it. With `kv_rank`
    attention is multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1): keys and values come from
    `kv_rank` numbers a token, queries from `q_rank`, and `rope_dim` more a head carry the position.
    """

    shape: Shape
    gated: bool = True
    tied: bool = False
    biases: bool = False
    positions: bool = False
    experts: int = 1
    top_k: int = 1
    moe_every: int = 1
    expert_ffn: int = 0
    imbalance_ratio: float = 0.0
    dense_first: int = 0
    shared_experts: int = 0
    q_rank: int = 0
    kv_rank: int = 0
    rope_dim: int = 0
    route_nodes: int = 0

    def __post_init__(self) -> None:
        for name in ("dense_first", "shared_experts", "q_rank", "kv_rank", "rope_dim", "route_nodes"):
            if getattr(self, name) < 0:
                raise BadInput(f"model: {name}", getattr(self, name), "must not be negative")
        if self.kv_rank and not self.q_rank:
            raise BadInput("model: q_rank", self.q_rank, "latent attention (kv_rank) needs it; give a rank")
        if self.dense_first > self.shape.layers:
            raise BadInput("model: dense_first", self.dense_first, f"is more than the {self.shape.layers} layers")
        for name in ("experts", "top_k", "moe_every"):
            if getattr(self, name) < 1:
                raise BadInput(f"model: {name}", getattr(self, name), "must be one or more")
        if self.top_k > self.experts:
            raise BadInput("model: top_k", self.top_k, f"is more than the {self.experts} experts")
        if self.expert_ffn < 0 or not 0 <= self.imbalance_ratio < 100:
            raise BadInput("model: expert_ffn or imbalance_ratio", self.expert_ffn, "must not be negative")
        mixed = self.shape.layers - self.dense_first
        if self.experts > 1 and mixed % self.moe_every:
            raise BadInput("model: moe_every", self.moe_every, f"does not divide {mixed} layers")

    @property
    def mlp_matrices(self) -> int:
        """Matrices of one MLP: three if gated, else two."""
        return 3 if self.gated else 2

    @property
    def moe_layers(self) -> int:
        """Layers whose MLP is a mixture."""
        return (self.shape.layers - self.dense_first) // self.moe_every if self.experts > 1 else 0

    @property
    def expert_width(self) -> int:
        """Inner width of one expert."""
        return self.expert_ffn or self.shape.ffn

    @property
    def attention_parameters(self) -> int:
        """Matrix parameters of one layer's attention."""
        return sum(k * n for k, n, _ in self.attention_maps)

    @property
    def attention_maps(self) -> tuple[tuple[int, int, str], ...]:
        """The linear maps of attention as (inputs, outputs, what tensor parallelism cuts: "in", "out" or "")."""
        s = self.shape
        if not self.kv_rank:
            return (s.hidden, s.query + 2 * s.key_value, "out"), (s.query, s.hidden, "in")
        return (
            (s.hidden, self.q_rank + self.kv_rank + self.rope_dim, ""),
            (self.q_rank, s.heads * self.score_dim, "out"),
            (self.kv_rank, 2 * s.query, "out"),
            (s.query, s.hidden, "in"),
        )

    @property
    def score_dim(self) -> int:
        """Numbers of a query and of a key in one head."""
        return self.shape.head_dim + self.rope_dim

    @property
    def laid_width(self) -> int:
        """Numbers of a token's queries, keys and values together, as the attention kernel reads them."""
        s = self.shape
        return s.heads * (2 * self.score_dim + s.head_dim) if self.kv_rank else s.query + 2 * s.key_value

    @property
    def dense_mlp_parameters(self) -> int:
        """Matrix parameters of one dense MLP."""
        return self.mlp_matrices * self.shape.hidden * self.shape.ffn

    @property
    def expert_parameters(self) -> int:
        """Matrix parameters of one expert."""
        return self.mlp_matrices * self.shape.hidden * self.expert_width

    @property
    def router_parameters(self) -> int:
        """Matrix parameters of one layer's router."""
        return self.shape.hidden * self.experts if self.experts > 1 else 0

    @property
    def parameters(self) -> int:
        """All parameters, exactly; for a plain Step-1 shape those of the shape itself."""
        s = self.shape
        norms = (2 if self.biases else 1) * s.hidden
        latent = self.q_rank + self.kv_rank if self.kv_rank else 0  # each latent vector has a norm
        attention, dense = self.attention_parameters + 2 * norms + latent, self.dense_mlp_parameters
        expert = self.expert_parameters
        if self.biases:
            attention += s.query + 2 * s.key_value + s.hidden
            dense += (self.mlp_matrices - 1) * s.ffn + s.hidden
            expert += (self.mlp_matrices - 1) * self.expert_width + s.hidden
        layers = s.layers * attention + (s.layers - self.moe_layers) * dense
        layers += self.moe_layers * ((self.experts + self.shared_experts) * expert + self.router_parameters)
        ends = s.vocab * s.hidden * (1 if self.tied else 2) + norms + (s.max_length * s.hidden if self.positions else 0)
        return layers + ends

    def forward_flops(self, tokens: int, *, causal: bool = False) -> int:
        """FLOPs of the matrix products of one sequence's forward pass, a multiply-add being two.

        Counts every query against every key unless `causal`, as Korthikanti et al. (arXiv 2205.05198, appendix A) do.
        """
        s = self.shape
        pairs = tokens * (tokens + 1) // 2 if causal else tokens * tokens
        used = s.layers * self.attention_parameters + (s.layers - self.moe_layers) * self.dense_mlp_parameters
        visited = self.top_k + self.shared_experts
        used += self.moe_layers * (visited * self.expert_parameters + self.router_parameters) + s.vocab * s.hidden
        return 2 * tokens * used + self.core_flops(pairs)

    def core_flops(self, pairs: int) -> int:
        """FLOPs of scores and values over so many pairs of a query and a key, in all layers."""
        s = self.shape
        return 2 * s.layers * s.heads * (self.score_dim + s.head_dim) * pairs

    def training_flops(self, tokens: int, *, causal: bool = False) -> int:
        """Model FLOPs of forward and backward over one sequence: three times the forward's, nothing recomputed."""
        return 3 * self.forward_flops(tokens, causal=causal)


def presets() -> list[str]:
    """Names of the models that come with the package."""
    return sorted([path.stem.removeprefix("model-") for path in SPECS.glob("model-*.toml")] + list(shape.ALIASES))


def read(name: str | Path) -> ModelSpec:
    """Return the preset of that name, or the model in a TOML file; raises `BadInput` naming what cannot be used."""
    text = str(name)
    if text in shape.ALIASES or text in shape.ALIASES.values():
        return ModelSpec(Shape.preset(text))
    path = SPECS / f"model-{text}.toml" if text in presets() else Path(text)
    if path.suffix != ".toml":
        raise BadInput("--model", text, f"{config.nearest(text, presets())} (or give a TOML file)")
    read_shape = Shape.read(path)
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = next((key for key in table if key not in ("shape", "model")), None)
    if unknown:
        raise BadInput(f"table in {path.name}", unknown, "known are shape and model")
    return _extended(read_shape, table.get("model", {}), path.name)


def _extended(shape: Shape, table: dict[str, Any], where: str) -> ModelSpec:
    kinds = {field.name: type(field.default) for field in fields(ModelSpec) if field.name != "shape"}
    for key, value in table.items():
        if key not in kinds:
            raise BadInput(f"model key in {where}", key, config.nearest(key, kinds))
        wanted = kinds[key]
        number = wanted is float and isinstance(value, int) and not isinstance(value, bool)
        if type(value) is not wanted and not number:
            raise BadInput(f"model: {key} in {where}", value, f"expected {wanted.__name__}")
    return ModelSpec(shape, **table)
