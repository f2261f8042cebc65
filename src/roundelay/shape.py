"""The shape of a language model: eight numbers, and what follows from them exactly.

The model is built from this object and the fabric plans from it, so both speak of the same parameters, FLOPs and bytes.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from roundelay.errors import BadInput

# The presets: in an installed wheel beside this file, in a checkout at its root.
FOLDERS = (Path(__file__).parent / "configs", Path(__file__).parents[2] / "configs")

ALIASES = {"step-audio-tts-3b": "tts-3b", "step-audio-130b": "chat-130b"}  # a published model's name: its preset


@dataclass(frozen=True, slots=True)
class Shape:
    """A Step-1 decoder: pre-norm, grouped-query attention, SwiGLU, untied head, no biases (arXiv 2502.11946).

    `ffn` is the inner width of SwiGLU; a key-value group serves heads / kv_groups heads. Raises `BadInput` for a number
    below one and for heads that do not divide into groups.
    """

    hidden: int
    ffn: int
    layers: int
    heads: int
    kv_groups: int
    head_dim: int
    vocab: int
    max_length: int

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise BadInput(f"shape: {field.name}", value, "must be a whole number, one or more")
        if self.heads % self.kv_groups:
            raise BadInput("shape: heads", self.heads, f"must be a multiple of kv_groups, {self.kv_groups}")

    @property
    def query(self) -> int:
        """Width of all heads together."""
        return self.heads * self.head_dim

    @property
    def key_value(self) -> int:
        """Width of the keys, and of the values, of one token in one layer."""
        return self.kv_groups * self.head_dim

    @property
    def layer_matrix_parameters(self) -> int:
        """Parameters of one layer's seven matrices."""
        return self.hidden * (2 * self.query + 2 * self.key_value + 3 * self.ffn)

    @property
    def layer_parameters(self) -> int:
        """Parameters of one layer: its matrices and two norms."""
        return self.layer_matrix_parameters + 2 * self.hidden

    @property
    def parameters(self) -> int:
        """All parameters: embedding, layers, last norm, head."""
        return 2 * self.vocab * self.hidden + self.layers * self.layer_parameters + self.hidden

    @property
    def matrix_parameters(self) -> int:
        """Parameters every token is multiplied with: all but the embedding, which is looked up, and the norms."""
        return self.layers * self.layer_matrix_parameters + self.vocab * self.hidden

    def flops(self, tokens: int, past: int = 0, *, causal: bool = False) -> int:
        """FLOPs (a multiply-add is two) of a forward pass of `tokens` after `past` cached ones, one sequence.

        Counted are the matrix products, as the built model does them: every query against every key. With `causal`,
        only the pairs that the mask lets through, what a kernel that skips the rest would do.
        """
        pairs = tokens * past + (tokens * (tokens + 1) // 2 if causal else tokens * tokens)
        return 2 * tokens * self.matrix_parameters + 4 * self.layers * self.query * pairs

    def training_flops(self, tokens: int, *, causal: bool = False) -> int:
        """FLOPs of forward and backward over one sequence: three times the forward's, nothing recomputed."""
        return 3 * self.flops(tokens, causal=causal)

    def kv_bytes_per_token(self, bytes_per_number: int = 2) -> int:
        """Bytes of cache one token takes in all layers; two bytes a number is bfloat16."""
        return 2 * self.layers * self.key_value * bytes_per_number

    @classmethod
    def from_table(cls, table: object, where: object = "shape") -> Shape:
        """The shape in a TOML table or JSON object; raises `BadInput` naming what is missing or unknown."""
        names = [field.name for field in fields(cls)]
        if not isinstance(table, dict):
            raise BadInput("shape in", where, "is no table of " + ", ".join(names))
        for name in names:
            if name not in table:
                raise BadInput("shape in", where, f"lacks {name}")
        for name in table:
            if name not in names:
                raise BadInput("shape in", where, f"has an unknown key {name}; known: {', '.join(names)}")
        return cls(**table)

    @classmethod
    def read(cls, path: Path | str) -> Shape:
        """The `[shape]` of a TOML file."""
        try:
            table: dict[str, Any] = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput("config", path, f"cannot be read ({error})") from None
        except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
            raise BadInput("config", path, f"is not TOML ({error}); correct it") from None
        return cls.from_table(table.get("shape"), path)

    @classmethod
    def preset(cls, name: str) -> Shape:
        """A shipped shape: nano, tts-3b, chat-130b, or an alias; raises `BadInput` for another name."""
        name = ALIASES.get(name, name)
        for folder in FOLDERS:
            if name.replace("-", "").isalnum() and (folder / f"lm-{name}.toml").is_file():
                return cls.read(folder / f"lm-{name}.toml")
        raise BadInput("model", name, f"is unknown; known: {', '.join(presets())}")


def presets() -> list[str]:
    """Names of the shipped shapes."""
    return sorted({path.stem.removeprefix("lm-") for folder in FOLDERS for path in folder.glob("lm-*.toml")})
