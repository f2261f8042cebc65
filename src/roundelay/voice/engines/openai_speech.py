"""Any server with OpenAI's `/v1/audio/transcriptions` and `/v1/audio/speech` as transcriber and synthesizer (ours)."""

from __future__ import annotations

import io
import json
import secrets
import wave
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.error import HTTPError

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.engines.openai_server import OpenAIServer
from roundelay.voice.interfaces import (
    DEFAULT_OPTIONS,
    CallOptions,
    Capability,
    EngineRole,
    EngineSpec,
    Segment,
    Transcript,
    Utterance,
    Word,
)
from roundelay.voice.voices import Voice

NAME = "openai"
KEY_VARIABLE = "ROUNDELAY_SPEECH_KEY"
WAIT_S = 30.0  # for a server that is silent
HEAR_HZ, SPEAK_HZ = 16_000, 24_000  # what is sent; what OpenAI's pcm is
MAX_BYTES = 64 << 20  # of an answer: 22 minutes of speech
BLOCK_BYTES = 9_600  # 0.2 s
LEAST_BYTES = 4  # two samples, the least that is audio
NO_VERBOSE = (400, 404, 415, 422, 501)  # how a server may say that it gives no times
HEARS = frozenset({Capability.WORD_TIMES, Capability.LANGUAGE})
SPEAKS = frozenset({Capability.SPEED, Capability.INSTRUCTIONS})


class OpenAITranscriber:
    """A `Transcriber` at an address; threads may share it."""

    name = NAME
    capabilities = HEARS

    def __init__(self, url: str, model: str, language: str | None, wait_s: float) -> None:
        self._server = OpenAIServer.at(url, "/audio/transcriptions", "openai", KEY_VARIABLE, wait_s)
        self._fields = {"model": model} | ({"language": language} if language else {})

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """The words, with segments and times where the server gives them.

        Raises `EngineError` in one line for a server that is dead, slow, or no transcriber.
        """
        sound = wav(audio.resample(HEAR_HZ))
        with self._server.one_error(self.name, "transcriber", "transcript"):
            try:
                times = [("timestamp_granularities[]", kind) for kind in ("segment", "word")]
                return self._ask(sound, [("response_format", "verbose_json"), *times])
            except HTTPError as error:
                if error.code not in NO_VERBOSE:
                    raise
                return self._ask(sound, [("response_format", "json")])

    def _ask(self, sound: bytes, more: Sequence[tuple[str, str]]) -> Transcript:
        body, kind = form([*self._fields.items(), *more], sound)
        with self._server.post(body, kind) as response:
            data = response.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError("too long")
        return transcript(json.loads(data))


class OpenAISynthesizer:
    """A `Synthesizer` at an address, 24 kHz; threads may share it."""

    name = NAME
    capabilities = SPEAKS
    rate_hz = SPEAK_HZ

    def __init__(self, url: str, model: str, voice: str, wait_s: float) -> None:
        self._server = OpenAIServer.at(url, "/audio/speech", "openai", KEY_VARIABLE, wait_s)
        self._model, self._voice = model, voice

    def voices(self) -> Sequence[Voice]:
        """The voice that the settings name; the interface lists no others."""
        return (Voice(self._voice),)

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        """Yield the sound as it comes; of a server that sends a WAV or another rate, once it is whole.

        Raises `EngineError` in one line for a server that is dead, slow, or no synthesizer, also in the middle.
        """
        voice = utterance.voice.name if utterance.voice and utterance.voice.name else self._voice
        asked: dict[str, Any] = {"model": self._model, "input": utterance.text, "voice": voice}
        asked |= {"response_format": "pcm"}
        asked |= {} if utterance.style.speed == 1 else {"speed": utterance.style.speed}
        asked |= {"instructions": utterance.style.instructions} if utterance.style.instructions else {}
        body = json.dumps(asked).encode()
        with (
            self._server.one_error(self.name, "synthesizer", "speech"),
            self._server.post(body, "application/json") as response,
        ):
            kind = response.headers.get_content_type()
            if not kind.startswith(("audio/", "application/octet-stream")):
                raise ValueError("no audio")
            yield from _sound(response, int(response.headers.get_param("rate") or SPEAK_HZ), options)


def _sound(response: Any, rate: int, options: CallOptions) -> Iterator[Audio]:
    """Yield a response's samples block by block."""
    data, read = response.read(BLOCK_BYTES), 0
    whole = bytearray() if data[:4] == b"RIFF" or rate != SPEAK_HZ else None
    rest = b""
    while data:
        if options.cancelled():
            return
        read += len(data)
        if read > MAX_BYTES:
            raise ValueError("too long")
        if whole is not None:
            whole += data
        else:
            data = rest + data
            even = len(data) // 2 * 2 if len(data) >= LEAST_BYTES else 0
            rest = data[even:]
            if even:
                yield pcm(data[:even], SPEAK_HZ)
        data = response.read(BLOCK_BYTES)
    if whole is not None:
        yield (_of_wav(bytes(whole)) if whole[:4] == b"RIFF" else pcm(bytes(whole), rate)).resample(SPEAK_HZ)


def pcm(data: bytes, rate: int) -> Audio:
    """The audio of 16-bit little-endian samples. Raises ValueError for less than two of them."""
    if len(data) < LEAST_BYTES:
        raise ValueError("no sound")
    return Audio(np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 32768, rate)


def _of_wav(data: bytes) -> Audio:
    """The audio of a 16-bit mono WAV. A streamed one may declare any length. Raises ValueError for another kind."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            if file.getsampwidth() != 2 or file.getnchannels() != 1:
                raise ValueError("no 16-bit mono WAV")
            return pcm(file.readframes(len(data) // 2), file.getframerate())
    except (wave.Error, EOFError) as error:
        raise ValueError(str(error)) from None


def wav(audio: Audio) -> bytes:
    """A recording as a 16-bit WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.rate)
        file.writeframes((np.clip(audio.samples, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def form(fields: Sequence[tuple[str, str]], sound: bytes) -> tuple[bytes, str]:
    """A multipart form with a recording as its `file`, and its content type."""
    mark = secrets.token_hex(16)
    parts = [
        f'--{mark}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    head = f'--{mark}\r\ncontent-disposition: form-data; name="file"; filename="speech.wav"\r\n'
    parts += [head.encode(), b"content-type: audio/wav\r\n\r\n", sound, f"\r\n--{mark}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={mark}"


def transcript(answer: Mapping[str, Any]) -> Transcript:
    """The transcript in a server's answer. Raises ValueError, LookupError, TypeError or AttributeError for another."""
    text = answer["text"]
    if not isinstance(text, str):
        raise TypeError("text is no text")
    words = [Word(str(w["word"]).strip(), float(w["start"]), float(w["end"])) for w in answer.get("words") or ()]
    segments = []
    for found in answer.get("segments") or ():
        start_s, end_s = float(found["start"]), float(found["end"])
        last = found is answer["segments"][-1]
        inside = tuple(word for word in words if word.start_s < end_s or last)
        words = words[len(inside) :]
        segments.append(Segment(str(found["text"]).strip(), start_s, end_s, inside))
    if words and not segments:
        segments = [Segment(text.strip(), words[0].start_s, words[-1].end_s, tuple(words))]
    return Transcript(text.strip(), tuple(segments), answer.get("language"))


def load(
    roles: Collection[EngineRole], url: str, model: str | None = None, voice: str = "alloy",
    language: str | None = None, wait_s: float | str = WAIT_S,
) -> Mapping[EngineRole, Any]:  # fmt: skip
    """The engine of a `url` in these roles. Raises `BadInput` for one that is no address."""
    try:
        wait = float(wait_s)
    except ValueError:
        raise BadInput("setting wait_s of the engine openai", wait_s, "give seconds") from None
    engines: dict[EngineRole, Any] = {
        "transcriber": OpenAITranscriber(url, model or "whisper-1", language, wait),
        "synthesizer": OpenAISynthesizer(url, model or "tts-1", voice, wait),
    }
    return {role: engines[role] for role in roles}


def check(url: str, **settings: object) -> None:
    """Raise `BadInput` for a url that is no address; no server is asked."""
    OpenAIServer.at(url, "", "openai", KEY_VARIABLE, WAIT_S)


SPEC = EngineSpec(
    NAME,
    {"transcriber": HEARS, "synthesizer": SPEAKS},
    load,
    ("url", "model", "voice", "language", "wait_s"),
    "any server with OpenAI's speech interface, openai+http://host:port/v1",
    required=("url",),
    main_setting="url",
    check=check,
)
