"""A Realtime session's settings: defaults, what `session.update` may change, and the worker's configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from roundelay.server.engine import MODEL
from roundelay.server.errors import unsupported, wrong
from roundelay.server.names import Names, is_english
from roundelay.server.realtime import beta
from roundelay.voice.agent.persona import MAX_INSTRUCTION_CHARACTERS, Persona, persona
from roundelay.voice.agent.tools import Tool
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.reply_request import WorkerConfig
from roundelay.voice.style import Style

PCM, PCMU, PCMA = "audio/pcm", "audio/pcmu", "audio/pcma"
RATES_HZ = {PCM: 24_000, PCMU: 8_000, PCMA: 8_000}
SOUND_NAMES = {  # of the beta, and of other programs
    "pcm16": PCM, "pcm": PCM, "audio/pcm16": PCM, "audio/pcm": PCM, "g711_ulaw": PCMU, "pcmu": PCMU, "ulaw": PCMU,
    "mulaw": PCMU, "audio/pcmu": PCMU, "audio/x-mulaw": PCMU, "g711_alaw": PCMA, "pcma": PCMA, "alaw": PCMA,
    "audio/pcma": PCMA, "audio/x-alaw": PCMA,
}  # fmt: skip
SERVER_VAD: dict[str, Any] = {  # OpenAI's own defaults
    "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
    "create_response": True, "interrupt_response": True,
}  # fmt: skip
SEMANTIC_VAD: dict[str, Any] = {
    "type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True,
}  # fmt: skip
# Silence in ms that ends a turn: if end-of-turn prediction is sure, and if it is not. None is the machine's default.
EAGERNESS = {"low": (768, 2_500), "medium": None, "auto": None, "high": (256, 800)}
# Accepted without effect here, and named in the session's x_ignored.
IGNORED = ("include", "prompt", "reasoning", "tracing", "truncation", "parallel_tool_calls", "max_output_tokens")
MAX_TOOLS, MAX_TEXT_CHARACTERS = 128, 65_536


def text(value: Any, where: str, longest: int = MAX_TEXT_CHARACTERS) -> str:
    """The value if it is text. Raises `ApiError` 400."""
    if not isinstance(value, str):
        raise wrong(where, f"{where} must be text", "invalid_type")
    if len(value) > longest:
        raise wrong(where, f"{where} has {len(value):,} characters; at most {longest:,} are taken")
    return value


def table(value: Any, where: str) -> Mapping[str, Any]:
    """The value if it is an object. Raises `ApiError` 400."""
    if not isinstance(value, Mapping):
        raise wrong(where, f"{where} must be an object", "invalid_type")
    return value


def one_of(value: Any, choices: tuple[str, ...], where: str) -> str:
    """The value if it is one of these. Raises `ApiError` 400."""
    if not isinstance(value, str) or value not in choices:
        raise wrong(where, f"{where} must be one of {', '.join(choices)}")
    return value


def modalities(value: Any, where: str = "output_modalities") -> tuple[str, ...]:
    """("audio",) or ("text",). Raises `ApiError` 400."""
    if isinstance(value, str):
        value = [value]
    if value == ["text"]:
        return ("text",)
    if isinstance(value, list) and sorted(map(str, value)) in (["audio"], ["audio", "text"]):
        return ("audio",)
    raise wrong(where, f'{where} must be ["audio"] or ["text"]')


def tools(value: Any, where: str = "tools") -> tuple[dict[str, Any], ...]:
    """Function tools. Raises `ApiError` 400 for tools of other kinds, which are not supported."""
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        raise wrong(where, f"{where} must be an array of at most {MAX_TOOLS}", "invalid_type")
    for at, tool in enumerate(value):
        entry = _function(table(tool, f"{where}[{at}]"))
        if entry.get("type") != "function":
            raise unsupported(f"{where}[{at}].type", "only function tools are supported")
        text(entry.get("name"), f"{where}[{at}].name", 128)
    return tuple(dict(_function(tool)) for tool in value)


def _function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool as Realtime has it, where it was given as chat completions have it: {type, function: {name, …}}."""
    inner = tool.get("function")
    return {"type": tool.get("type"), **inner} if isinstance(inner, Mapping) and "name" not in tool else tool


def tool_specs(given: Sequence[Mapping[str, Any]]) -> tuple[Tool, ...]:
    """Function tools of the Realtime interface as the worker takes them; the client runs them."""
    return tuple(Tool(each["name"], each.get("description") or "", each.get("parameters") or {}) for each in given)


def tool_choice(value: Any, where: str = "tool_choice") -> str:
    """ "auto", "none", "required", or "function:" and the name of the function to call."""
    if isinstance(value, Mapping):
        one_of(value.get("type"), ("function",), f"{where}.type")
        return f"function:{text(value.get('name'), f'{where}.name', 128)}"
    return one_of(value, ("auto", "none", "required"), where)


def sound_format(value: Any, where: str) -> str:
    """The name of a sound format, of {type, rate} or of a name, as the beta has it. Raises `ApiError` 400."""
    entry = {"type": value} if isinstance(value, str) else table(value, where)
    name = entry.get("type")
    kind = SOUND_NAMES.get(name.strip().lower(), name) if isinstance(name, str) else name
    kind = one_of(kind, tuple(RATES_HZ), where if isinstance(value, str) else f"{where}.type")
    rate = entry.get("rate")
    if rate is not None and rate != RATES_HZ[kind]:
        raise unsupported(f"{where}.rate", f"{kind} has a rate of {RATES_HZ[kind]}")
    return kind


def _number(value: Any, low: float, high: float, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise wrong(where, f"{where} must be a number from {low:g} to {high:g}")
    return value


def _detection(value: Any, where: str, ignored: list[str], before: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The turn detection, where what is not given stays as it was. Raises `ApiError` 400."""
    if value is None or value is False or (isinstance(value, Mapping) and value.get("type") == "none"):  # early clients
        return None
    given = table(value, where)
    kind = given.get("type") or (before or SERVER_VAD)["type"]
    kind = one_of(kind, ("server_vad", "semantic_vad"), f"{where}.type")
    default = SERVER_VAD if kind == "server_vad" else SEMANTIC_VAD
    out = dict(before if before is not None and before["type"] == kind else default)
    for key, entry in given.items():
        place = f"{where}.{key}"
        if key not in out:
            ignored.append(place)
        elif entry is None or key == "type":
            continue
        elif key == "threshold":
            out[key] = _number(entry, 0, 1, place)
        elif key.endswith("_ms"):
            out[key] = int(_number(entry, 0, 10_000, place))
        elif key == "eagerness":
            out[key] = one_of(entry, tuple(EAGERNESS), place)
        elif isinstance(entry, bool):
            out[key] = entry
        else:
            raise wrong(place, f"{place} must be true or false", "invalid_type")
    return out


def unknown(given: Mapping[str, Any], known: Collection[str], where: str) -> list[str]:
    """The names of given fields that are unknown here."""
    return [f"{where}.{str(key)[:64]}" for key in given if key not in known]


def _transcription(value: Any, where: str, ignored: list[str]) -> dict[str, Any] | None:
    """The transcription settings that have effect. Raises `ApiError` 400."""
    if value is None:
        return None
    given = table(value, where)
    ignored += unknown(given, ("model", "language"), where)
    out = {key: text(given[key], f"{where}.{key}", 128) for key in ("model", "language") if given.get(key) is not None}
    if is_english(out.get("language")) is False:
        raise unsupported(f"{where}.language", "this model knows English only: en")
    return out


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a session. `voices` are those of its engine; None stands for the built-in ones."""

    kind: str = "realtime"
    modalities: tuple[str, ...] = ("audio",)
    instructions: str = ""
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: str = "auto"
    input_format: str = PCM
    output_format: str = PCM
    transcription: dict[str, Any] | None = None
    detection: dict[str, Any] | None = field(default_factory=lambda: dict(SERVER_VAD))
    voice: str | None = None  # as the client names it
    speed: float = 1.0
    ignored: tuple[str, ...] = ()
    model: str = MODEL
    voices: tuple[str, ...] | None = None
    names: Names = field(default_factory=Names)  # how names are understood
    beta: bool = False  # whether the client is told of events by their names of the beta

    @property
    def voice_name(self) -> str:
        """The engine's voice of that name or alias."""
        return self.names.voice(self.voice, "audio.output.voice", self.voices)

    def with_update(self, update: Any, spoken: bool = False) -> Settings:
        """The settings after a `session.update`; fields that it lacks stay. Raises `ApiError` 400, changing nothing.

        `spoken` is whether the bot has spoken already: its voice cannot change then, as with OpenAI.
        """
        given = beta.nested(table(update, "session"))
        ignored = [f"session.{key}" for key in IGNORED if given.get(key) is not None]
        new = self
        if "type" in given:
            new = replace(new, kind=one_of(given["type"], ("realtime", "transcription"), "session.type"))
        if given.get("output_modalities") is not None:
            new = replace(new, modalities=modalities(given["output_modalities"], "session.output_modalities"))
        if given.get("instructions") is not None:
            new = replace(
                new, instructions=text(given["instructions"], "session.instructions", MAX_INSTRUCTION_CHARACTERS)
            )
        if given.get("tools") is not None:
            new = replace(new, tools=tools(given["tools"], "session.tools"))
        if given.get("tool_choice") is not None:
            new = replace(new, tool_choice=tool_choice(given["tool_choice"], "session.tool_choice"))
        if given.get("model") is not None:
            missed: list[str] = []
            self.names.model(given["model"], missed)  # the engine was chosen when the session began
            ignored += [f"session.{each}" for each in missed]
        if given.get("audio") is not None:
            audio = table(given["audio"], "session.audio")
            new = new._with_input(table(audio.get("input") or {}, "session.audio.input"), ignored)
            new = new._with_output(table(audio.get("output") or {}, "session.audio.output"), ignored, spoken)
            ignored += unknown(audio, ("input", "output"), "session.audio")
        known = {"type", "output_modalities", "instructions", "tools", "tool_choice", "model", "audio", "id", "object",
                 "expires_at", "x_ignored", *IGNORED}  # fmt: skip
        ignored += unknown(given, known, "session")
        return replace(new, ignored=tuple(ignored)).heard()

    def heard(self) -> Settings:
        """The settings, with transcription on where there is nothing else to be told: in a transcription session."""
        silent = self.kind == "transcription" and self.transcription is None
        return replace(self, transcription={}) if silent else self

    def _with_input(self, given: Mapping[str, Any], ignored: list[str]) -> Settings:
        new, where = self, "session.audio.input"
        if given.get("format") is not None:
            new = replace(new, input_format=sound_format(given["format"], f"{where}.format"))
        if "transcription" in given:
            wish = _transcription(given["transcription"], f"{where}.transcription", ignored)
            new = replace(new, transcription=wish)
        if "turn_detection" in given:
            wish = _detection(given["turn_detection"], f"{where}.turn_detection", ignored, self.detection)
            new = replace(new, detection=wish)
        if given.get("noise_reduction") is not None:
            ignored.append(f"{where}.noise_reduction")
        ignored += unknown(given, ("format", "transcription", "turn_detection", "noise_reduction"), where)
        return new

    def _with_output(self, given: Mapping[str, Any], ignored: list[str], spoken: bool) -> Settings:
        new, where = self, "session.audio.output"
        if given.get("format") is not None:
            new = replace(new, output_format=sound_format(given["format"], f"{where}.format"))
        if given.get("speed") is not None:
            new = replace(new, speed=_number(given["speed"], 0.25, 1.5, f"{where}.speed"))
        if given.get("voice") is not None:
            voice = given["voice"].get("id") if isinstance(given["voice"], Mapping) else given["voice"]
            if self.names.voice(voice, f"{where}.voice", self.voices, ignored) != self.voice_name and spoken:
                message = "the voice cannot change after the bot has spoken"
                raise wrong(f"{where}.voice", message, "cannot_update_voice")
            new = replace(new, voice=voice)
        ignored += unknown(given, ("format", "speed", "voice"), where)
        return new

    def thresholds(self, own: Thresholds | None = None) -> Thresholds:
        """The machine's thresholds under these settings; `own` are the server's defaults."""
        wish, own = self.detection, own or Thresholds()
        if wish is None:
            return replace(own, detection="none")
        replies = bool(wish["create_response"]) and self.kind == "realtime"
        own = replace(own, create_reply=replies, interrupt=bool(wish["interrupt_response"]))
        if wish["type"] == "server_vad":
            return replace(
                own, detection="silence", voice=float(wish["threshold"]), prefix_ms=wish["prefix_padding_ms"],
                voice_margin=min(own.voice_margin, float(wish["threshold"])),
                commit_silence_ms=wish["silence_duration_ms"],
            )  # fmt: skip
        sure_unsure = EAGERNESS[wish["eagerness"]]
        if sure_unsure is None:
            return own
        return replace(own, commit_sure_ms=sure_unsure[0], commit_unsure_ms=sure_unsure[1])

    def worker_config(self, own: Thresholds) -> WorkerConfig:
        """The configuration of the session's worker; `own` are the server's default thresholds."""
        voice = self.voice_name if self.voice is not None else None
        role = Persona("session", self.instructions, voice) if self.instructions else replace(persona(), voice=voice)
        spoken = self.modalities == ("audio",)
        return WorkerConfig(
            self.thresholds(own), role, tool_specs(self.tools), self.tool_choice, spoken, Style(self.speed)
        )

    def as_dict(self, name: str, expires_at: int) -> dict[str, Any]:
        """The session as `session.created` and `session.updated` show it: the settings that have effect."""
        sound: dict[str, Any] = {"format": _shown(self.input_format), "transcription": self.transcription,
                                 "noise_reduction": None, "turn_detection": self.detection}  # fmt: skip
        head: dict[str, Any] = {"type": self.kind, "object": f"realtime.{_object(self.kind)}", "id": name,
                                "expires_at": expires_at, "include": None}  # fmt: skip
        if self.ignored:
            head["x_ignored"] = list(self.ignored)
        if self.kind == "transcription":
            return {**head, "audio": {"input": sound}}
        output = {"format": _shown(self.output_format), "voice": self.voice or self.voice_name, "speed": self.speed}
        return {
            **head, "model": self.model, "output_modalities": list(self.modalities),
            "instructions": self.instructions,
            "tools": list(self.tools), "tool_choice": _choice_shown(self.tool_choice), "max_output_tokens": "inf",
            "tracing": None, "truncation": "auto", "prompt": None, "audio": {"input": sound, "output": output},
        }  # fmt: skip


def _choice_shown(choice: str) -> Any:
    name = choice.removeprefix("function:")
    return choice if name == choice else {"type": "function", "name": name}


def _object(kind: str) -> str:
    return "session" if kind == "realtime" else "transcription_session"


def _shown(kind: str) -> dict[str, Any]:
    return {"type": kind, "rate": 24_000} if kind == PCM else {"type": kind}
