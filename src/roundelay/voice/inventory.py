"""What is here to hear and speak with: machine, engines and their state, others' weights, defaults (ours)."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from roundelay.errors import RoundelayError
from roundelay.voice.engines import registry
from roundelay.voice.engines.choice import EngineChoice
from roundelay.voice.engines.defaults import default
from roundelay.voice.interfaces import CallOptions, EngineRole, EngineSpec
from roundelay.voice.packages import fetch
from roundelay.voice.packages.weights_package import WeightsUnavailableError, folder
from roundelay.voice.pipeline import Pipeline

EXTRAS = {
    "voice": "onnxruntime",
    "serve": "starlette",
    "talk": "sounddevice",
    "webrtc": "aiortc",
    "whisper": "faster_whisper",
    "kokoro": "espeakng_loader",
    "train": "torch",
    "eval": "pocketsphinx",
}
SENTENCE = "The quick brown fox jumps over the lazy dog."


def machine() -> dict[str, Any]:
    """The machine and what is installed: Python, cores, memory, extras, espeak-ng, the microphone's library."""
    from roundelay.voice.text.phonemizer import espeak_library

    found = espeak_library()
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": _memory_bytes(),
        "extras": {extra: find_spec(module) is not None for extra, module in EXTRAS.items()},
        "espeak_ng": found.library if found else None,
        "microphone": _microphone(),
    }


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _microphone() -> str | None:
    """The name of the microphone, or None: no sounddevice, no PortAudio, no device."""
    try:
        import sounddevice

        return str(sounddevice.query_devices(kind="input")["name"])
    except Exception:  # PortAudio raises its own kinds; whatever it is, there is no microphone
        return None


def engines() -> list[dict[str, Any]]:
    """A row for each engine: roles, capabilities, state ("ready", "needs a setting", "missing", "damaged"), why."""
    return [_engine(spec) for spec in registry.specs()]


def _engine(spec: EngineSpec) -> dict[str, Any]:
    state, why = "ready", ""
    if spec.required:
        state, why = "needs a setting", f"{spec.name}:{spec.required[0]}=VALUE"
    else:
        try:
            registry.check(spec.name)
        except WeightsUnavailableError as error:
            state, why = "damaged" if error.fault == "damaged" else "missing", str(error)
        except RoundelayError as error:
            state, why = "missing", str(error)
    return {
        "engine": spec.name,
        "roles": list(spec.roles),
        "capabilities": sorted({each.value for found in spec.roles.values() for each in found}),
        "settings": list(spec.settings),
        "state": state,
        "why": why,
        "licence": spec.licence,
        "install": spec.install if state in ("missing", "damaged") else "",
        "summary": spec.summary,
    }


def weights() -> list[dict[str, Any]]:
    """A row for each package and archive of others' weights: version, size, licence, source, packer, state, install."""
    rows = []
    for model in fetch.MODELS.values():
        parts: list[tuple[Any, Callable[[Any], object], str]] = [
            (each, folder, each.install) for each in model.packages
        ]
        parts += [(each, fetch.check_archive, f"roundelay voice fetch {model.name}") for each in model.archives]
        for part, check, install in parts:
            state = "ready"
            try:
                check(part)
            except WeightsUnavailableError as error:
                state = error.fault
            rows.append({
                "model": model.name, "name": part.name, "version": part.version, "bytes": part.size_bytes,
                "licence": part.licence, "source": part.source, "packed_by": part.packed_by, "state": state,
                "install": "" if state == "ready" else install,
            })  # fmt: skip
    return rows


def defaults() -> list[dict[str, Any]]:
    """A row for each role: the engine that takes it where none is named, and why."""
    found = {role: default(role) for role in registry.ROLES}
    return [{"role": role, "engine": each.choice.shown, "why": each.why} for role, each in found.items()]


def measure() -> list[dict[str, Any]]:
    """A row for each engine that is ready: how long one sentence takes to hear or speak, per second of sound.

    The nano engine speaks what is heard. An engine that fails has a row that says so.
    """
    sound = Pipeline.of({"synthesizer": EngineChoice()}).say(SENTENCE)
    once = CallOptions(candidates=lambda: 1)  # one rendering, as in a conversation that has no time for more
    roles: tuple[EngineRole, ...] = ("transcriber", "synthesizer")
    rows: list[dict[str, Any]] = []
    for name in (row["engine"] for row in engines() if row["state"] == "ready"):
        for role in (role for role in roles if role in registry.spec(name).roles):
            row: dict[str, Any] = {"engine": name, "role": role, "load_s": None, "real_time_factor": None, "why": ""}
            try:
                begun = time.perf_counter()
                pipeline = Pipeline.of({role: EngineChoice(name)})
                row["load_s"] = round(time.perf_counter() - begun, 2)
                for _ in range(2):  # the first call loads what is loaded late
                    begun, seconds = time.perf_counter(), sound.duration_s
                    if role == "transcriber":
                        pipeline.transcribe(sound)
                    else:
                        seconds = sum(block.duration_s for block in pipeline.stream(SENTENCE, options=once))
                    row["real_time_factor"] = round((time.perf_counter() - begun) / seconds, 3)
            except RoundelayError as error:
                row["why"] = str(error)
            rows.append(row)
    return rows
