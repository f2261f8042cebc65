"""What the server tells Home Assistant of itself: one recogniser, one voice service, one that answers."""

from __future__ import annotations

from typing import Any

from roundelay import __version__
from roundelay.server.engine import MODEL
from roundelay.server.service import Service

LANGUAGES = ["en"]
ABOUT = {"attribution": {"name": "Roundelay", "url": ""}, "installed": True, "version": __version__}


def info(service: Service) -> dict[str, Any]:
    """The data of an `info` event. Raises `ApiError` 503 while the model loads or where there is none."""
    pipeline = service.engines.pipeline()
    voices = service.engines.voices() or ("default",)

    def named(name: str, description: str) -> dict[str, Any]:
        return {"name": name, "description": description, **ABOUT}

    def model(engine: str) -> list[dict[str, Any]]:
        return [{**named(engine, engine), "languages": LANGUAGES}]

    return {
        "asr": [{**named(MODEL, f"Roundelay, heard by {pipeline.transcriber.name}"),
                 "models": model(pipeline.transcriber.name), "supports_transcript_streaming": False,
                 "requires_external_vad": True}],
        "tts": [{**named(MODEL, f"Roundelay, spoken by {pipeline.synthesizer.name}"),
                 "voices": [{**named(name, name), "languages": LANGUAGES} for name in voices],
                 "supports_synthesize_streaming": True}],
        "handle": [{**named(MODEL, f"Roundelay, answered by {service.answering}"), "models": model(service.answering),
                    "supports_handled_streaming": False, "supports_home_control": False}],
        **{kind: [] for kind in ("intent", "wake", "mic", "snd")},
    }  # fmt: skip
