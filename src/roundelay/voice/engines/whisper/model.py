"""Whisper models in CTranslate2's layout: found in a package, a folder or on the hub, and opened (ours)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from roundelay.errors import BadInput, MissingPackage
from roundelay.voice.packages.known import WHISPER_TINY_EN
from roundelay.voice.packages.weights_package import folder as package_folder

PACKAGE = "package"
NEEDED = ("config.json", "model.bin", "tokenizer.json")  # and vocabulary.json or vocabulary.txt
WHAT = "whisper model"
INCOMPLETE = "is damaged or half-downloaded"


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model that is open; threads may share it. `whisper` is a `faster_whisper.WhisperModel`."""

    whisper: Any
    name: str
    _tokenizers: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def many_languages(self) -> bool:
        """Whether it knows other languages than English."""
        return bool(self.whisper.model.is_multilingual)

    def tokenizer(self, language: str) -> Any:
        """faster-whisper's tokenizer for a language."""
        from faster_whisper.tokenizer import Tokenizer

        if language not in self._tokenizers:
            multilingual = self.many_languages
            self._tokenizers[language] = Tokenizer(
                self.whisper.hf_tokenizer, multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]

    def check_language(self, given: str) -> str:
        """The code of a language, without its region. Raises `BadInput` with the nearest codes for an unknown one."""
        code, known = given.lower().replace("_", "-").split("-")[0], self.whisper.supported_languages
        if code in known:
            return code
        if not self.many_languages:
            do = f"is not known to {self.name}, which is English only; take a model of many: tiny, base, small"
            raise BadInput("language", given, do)
        near = get_close_matches(code, known, n=5, cutoff=0.4) or [each for each in known if each[:1] == code[:1]]
        raise BadInput("language", given, f"is unknown; give a code, such as {', '.join(near or ['en', 'de', 'zh'])}")


def open_model(model: str, compute_type: str = "int8", threads: int = 1) -> OpenModel:
    """The model that `model` names, opened on the CPU. Raises as `voice.engines.whisper.spec.load` does."""
    try:
        import ctranslate2
        from faster_whisper import WhisperModel
    except ImportError:
        raise MissingPackage("faster-whisper", "whisper") from None
    known = sorted(ctranslate2.get_supported_compute_types("cpu"))
    if compute_type not in (*known, "default", "auto"):
        raise BadInput("compute_type", compute_type, f"is none of this processor's: {', '.join(known)}")
    place = locate(model)
    try:
        whisper = WhisperModel(str(place), device="cpu", compute_type=compute_type, cpu_threads=threads)
    except Exception as error:  # CTranslate2 and tokenizers raise their own, unnamed kinds
        raise BadInput(WHAT, place, f"{INCOMPLETE} ({_first_line(error)}); fetch it again") from None
    return OpenModel(whisper, WHISPER_TINY_EN.name if model == PACKAGE else model)


def locate(model: str) -> Path:
    """The folder of a model, every file that is needed in it. Raises `BadInput`, `WeightsUnavailableError`."""
    if model == PACKAGE:
        return package_folder(WHISPER_TINY_EN) / "model"
    given = Path(model).expanduser()
    if given.is_dir():
        return _checked(given)
    if given.exists():
        raise BadInput(WHAT, model, "is a file; name the folder it is in")
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise BadInput(WHAT, model, f"is no folder; give one with {', '.join(NEEDED)}, a size or a hub name")
    return _checked(_from_hub(model))


def _checked(folder: Path) -> Path:
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if not any(folder.glob("vocabulary.*")):
        missing.append("vocabulary.json or vocabulary.txt")
    if missing:
        raise BadInput(WHAT, folder, f"{INCOMPLETE}: it lacks {', '.join(missing)}; fetch it again")
    for name in ("config.json", "tokenizer.json"):
        try:
            json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise BadInput(WHAT, folder, f"{INCOMPLETE}: {name} cannot be read; fetch it again") from None
    return folder


def _from_hub(name: str) -> Path:
    """The folder of a size or a hub name, fetched once by the hub's own client."""
    from faster_whisper import available_models, download_model

    if "/" not in name and name not in available_models():
        near = get_close_matches(name, [PACKAGE, *available_models()], n=3, cutoff=0.4) or ["tiny.en", "base.en"]
        raise BadInput(WHAT, name, f"is no folder and no size; did you mean {' or '.join(near)}, or OWNER/NAME?")
    try:
        return Path(download_model(name, local_files_only=True))
    except Exception:  # not fetched yet
        pass
    try:
        return Path(download_model(name))
    except Exception as error:  # the hub's client raises many kinds, and those of the network below it
        do = f"is not here and cannot be fetched from the hub ({_first_line(error)}): give a folder, or {PACKAGE}"
        raise BadInput(WHAT, name, do) from None


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split("\n")[0][:160].rstrip(" .")
