"""What a client's frames do to a conversation: one method for each client event."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from roundelay.server.audio.g711 import G711
from roundelay.server.audio.pcm import from_int16
from roundelay.server.errors import ApiError, unsupported, wrong
from roundelay.server.http.requests import bytes_of
from roundelay.server.realtime.bridge import Bridge
from roundelay.server.realtime.frames import MAX_ITEMS_BYTES, Frame, frame, new_id
from roundelay.server.realtime.out_of_band import Aside, messages
from roundelay.server.realtime.response import ResponseStream
from roundelay.server.realtime.settings import (
    PCM,
    RATES_HZ,
    modalities,
    one_of,
    sound_format,
    table,
    text,
    tool_choice,
    tool_specs,
    tools,
    unknown,
)
from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import MIN_SAMPLES
from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ
from roundelay.voice.resample import Resampler

MIN_COMMIT_MS = 100  # OpenAI's limit
MAX_METADATA_PAIRS = 16
MAX_CALLS = 256  # a client's own, and answered ones: as many as the history has messages
RESPONSE = ("conversation", "input", "instructions", "output_modalities", "tools", "tool_choice", "metadata", "audio")
CODES = {"already_replying": "conversation_already_has_active_response", "not_replying": "response_cancel_not_active",
         "closed": "session_closing", "too_many": "too_many"}  # fmt: skip


class ClientEventHandler:
    """One client's side of a conversation: decodes its audio and carries out its frames.

    A recording that comes in an item is left in `recordings` under a name. The connection has it transcribed, and
    passes the transcript to `set_transcript`. A response outside the conversation is left in `asides`.
    """

    def __init__(self, conversation: Bridge, longest_s: float) -> None:
        self.bridge, self._longest_s = conversation, longest_s
        self.recordings: list[tuple[str, Audio]] = []  # (`part:item`, a recording to be transcribed)
        self.asides: list[Aside] = []  # responses outside the conversation, to be made
        self.admit_aside: Callable[[], None] = lambda: None
        self.cancel_aside: Callable[[object], bool] = lambda name: False
        self._rate: tuple[str, Resampler] = (PCM, Resampler(RATES_HZ[PCM], INPUT_RATE_HZ))
        self._results: list[tuple[str, str]] = []  # of tools, that came during a reply
        self._messages: list[Message] = []  # that came during a reply: they follow it in the history
        self._answered: deque[str] = deque(maxlen=MAX_CALLS)  # calls that have an output
        self._calls: OrderedDict[str, str] = OrderedDict()  # that the client added, as text of the history

    def do(self, message: Frame, now_ms: int) -> None:
        """Carry out a frame. Raises `ApiError`; the session goes on."""
        name = message["type"].replace(".", "_")
        try:
            getattr(self, f"_{name}")(message, now_ms)
        except ev.IllegalEvent as error:
            raise ApiError(400, CODES.get(error.code, "invalid_value"), str(error)) from None

    def tick(self, now_ms: int) -> None:
        """Put what came during a reply into the history once it has ended; no reply to results was requested."""
        if (self._results or self._messages) and self.bridge.session.memory.reply is None:
            self._tell_results(now_ms, follow_up=False)
            messages, self._messages = self._messages, []
            for message in messages:
                self.bridge.feed(ev.MessageAdded(now_ms, message))

    def _tell_results(self, now_ms: int, *, follow_up: bool, options: Mapping[str, Any] | None = None) -> None:
        results, self._results = self._results, []
        for call, output in results:
            self.bridge.feed(ev.ToolReturned(now_ms, call, output, follow_up, options))

    # -- the session

    def _session_update(self, message: Frame, now_ms: int) -> None:
        spoken = any(output.sent and output.spoken for output in self.bridge.outputs.values())
        self.bridge.configure(self.bridge.settings.with_update(message.get("session"), spoken), now_ms)

    # -- sound

    def decode(self, message: Frame) -> Iterator[np.ndarray]:
        """The audio of an `input_audio_buffer.append`, float32 at `INPUT_RATE_HZ`, in chunks of one second, between
        which other conversations may run. Raises `ApiError`.
        """
        if self.bridge.output_buffer is not None:
            raise unsupported("type", "the audio of a call comes by its track")
        samples, kind = self._decode(message.get("audio"), "audio"), self.bridge.settings.input_format
        if self._rate[0] != kind:
            self._rate = (kind, Resampler(RATES_HZ[kind], INPUT_RATE_HZ))
        rate, second = self._rate[1], RATES_HZ[kind]
        return (rate.push(samples[at : at + second]) for at in range(0, len(samples), second))

    def _decode(self, value: Any, where: str) -> np.ndarray:
        """Samples at the rate of the session's input format."""
        data, kind = bytes_of(value, where), self.bridge.settings.input_format
        if kind == PCM and len(data) % 2:
            raise wrong(where, f"{len(data)} bytes are not a whole number of 16-bit samples", "invalid_audio")
        return from_int16(data) if kind == PCM else G711(kind).decode(data)

    def _input_audio_buffer_commit(self, message: Frame, now_ms: int) -> None:
        start, end = self.bridge.committed, self.bridge.samples
        if (end - start) * 1000 < MIN_COMMIT_MS * ev.INPUT_RATE_HZ:
            have = max(0, end - start) * 1000 // ev.INPUT_RATE_HZ
            message_ = f"the buffer holds {have} ms of audio; a commit needs {MIN_COMMIT_MS} ms"
            raise ApiError(400, "input_audio_buffer_commit_empty", message_)
        self.bridge.feed(ev.TurnEnded(now_ms, start, end))
        self.bridge.committed = end

    def _input_audio_buffer_clear(self, message: Frame, now_ms: int) -> None:
        self.bridge.committed = self.bridge.samples
        self.bridge.feed(ev.InputCleared(now_ms))
        self.bridge.send(frame("input_audio_buffer.cleared"))

    def _output_audio_buffer_clear(self, message: Frame, now_ms: int) -> None:
        if self.bridge.output_buffer is None:
            raise unsupported("type", "output_audio_buffer.clear belongs to WebRTC; truncate the item, or cancel")
        reply = self.bridge.session.memory.reply
        if reply is not None and (pacer := self.bridge.pacers.get(reply.number)) is not None:
            self.bridge.feed(ev.Truncated(now_ms, reply.number, pacer.played))
        self.bridge.output_buffer.clear()

    # -- items

    def _conversation_item_create(self, message: Frame, now_ms: int) -> None:
        given = table(message.get("item"), "item")
        kind = one_of(given.get("type"), ("message", "function_call_output", "function_call"), "item.type")
        before = message.get("previous_item_id")
        after = before if kind == "function_call_output" and before in self.bridge.items else None  # after its call
        last = self.bridge.items.last
        if before is not None and after is None and before != (last or "root"):  # root is before all items
            raise unsupported("previous_item_id", "items are added at the end of the conversation only")
        name = text(given["id"], "item.id", 64) if given.get("id") is not None else new_id("item")
        if name in self.bridge.items:
            raise wrong("item.id", f"there is an item {name} already", "item_create_duplicate_item_id")
        item: Frame = {"id": name, "object": "realtime.item", "type": kind, "status": "completed"}
        if kind == "message":
            self._message(item, given, now_ms)
        else:
            item["call_id"] = text(given.get("call_id"), "item.call_id", 128)
            if kind == "function_call":
                item |= {key: text(given.get(key), f"item.{key}") for key in ("name", "arguments")}
                self._add_call(item, now_ms)
            else:
                item["output"] = text(given.get("output"), "item.output")
                self._add_result(item, now_ms)
        before = self.bridge.items.add(item, item.get("call_id") or item["id"], after)
        self.bridge.send(frame("conversation.item.added", previous_item_id=before, item=item))
        self.bridge.send(frame("conversation.item.done", previous_item_id=before, item=item))

    def _message(self, item: Frame, given: Mapping[str, Any], now_ms: int) -> None:
        said = given.get("role")
        role = one_of("system" if said == "developer" else said, ("user", "assistant", "system"), "item.role")
        parts = given.get("content")
        if isinstance(parts, str):  # as chat completions have it
            parts = [{"type": "text", "text": parts}]
        if not isinstance(parts, list) or not 1 <= len(parts) <= 64:
            raise wrong("item.content", "item.content must be an array of 1 to 64 parts", "invalid_type")
        kept: list[dict[str, Any]] = []
        sounds: dict[int, list[np.ndarray]] = {}  # by position; adjacent parts are one recording
        for at, part in enumerate(parts):
            where = f"item.content[{at}]"
            kind = table(part, where).get("type")
            if kind in ("input_text", "output_text", "text"):
                said = text(part.get("text"), f"{where}.text")
                kept.append({"type": "output_text" if role == "assistant" else "input_text", "text": said})
            elif kind == "input_audio" and role == "user":
                given_words = part.get("transcript")
                read = None if given_words is None else text(given_words, f"{where}.transcript")
                sound = self._decode(part.get("audio"), f"{where}.audio")
                follows = bool(kept) and kept[-1]["type"] == "input_audio"
                sounds.setdefault(max(sounds) if follows else at, []).append(sound)
                kept.append({"type": "input_audio", "transcript": read})
            elif kind in ("output_audio", "audio") and role == "assistant" and part.get("transcript"):
                said = text(part["transcript"], f"{where}.transcript")
                kept.append({"type": "output_audio", "transcript": said})
            else:
                raise unsupported(
                    f"{where}.type", f"a {role}'s part must be text{', or audio' if role == 'user' else ''}"
                )
        item |= {"role": role, "content": kept}
        self._record(item["id"], sounds)
        self._add_text(item, now_ms)

    def _record(self, item_id: str, sounds: Mapping[int, list[np.ndarray]]) -> None:
        """Leave the recordings of an item to be transcribed. Raises `ApiError` 413 for one that is too long."""
        rate = RATES_HZ[self.bridge.settings.input_format]
        found = {at: np.concatenate(pieces) for at, pieces in sounds.items()}
        for at, sound in found.items():
            if len(sound) > self._longest_s * rate:
                message = f"the recording lasts {len(sound) / rate:,.0f} s; at most {self._longest_s:.0f} s are taken"
                raise ApiError(413, "audio_too_long", message, param=f"item.content[{at}].audio")
        heard = {at: sound for at, sound in found.items() if len(sound) >= MIN_SAMPLES}
        self.recordings += [(f"{at}:{item_id}", Audio.from_array(sound, rate)) for at, sound in heard.items()]

    def _add_text(self, item: Frame, now_ms: int) -> None:
        """Put the text of a message into the history, in the order of its parts."""
        lines = [part.get("text") or part.get("transcript") or "" for part in item["content"]]
        if spoken := "\n".join(line for line in lines if line).strip():
            self._hold(Message(item["role"], spoken, item["id"]))
            self.tick(now_ms)

    def _hold(self, message: Message) -> None:
        """Queue a message for the history; the oldest are dropped if too many wait during a long reply."""
        self._messages.append(message)
        while len(self._messages) > 1 and sum(len(each.text) for each in self._messages) > MAX_ITEMS_BYTES:
            self._messages.pop(0)

    def set_transcript(self, name: str, words: str, now_ms: int) -> None:
        """Set the transcript of a recording that came in an item."""
        at, _, item_id = name.partition(":")
        if item_id in self.bridge.items and words.strip():
            item = self.bridge.items.get(item_id, "")
            parts = item["content"] = [dict(part) for part in item["content"]]
            parts[int(at)]["transcript"] = words
            for part in parts[int(at) + 1 :]:  # the recording goes on there
                if part["type"] != "input_audio":
                    break
                part["transcript"] = None
            self._add_text(item, now_ms)

    def _add_call(self, item: Frame, now_ms: int) -> None:
        """Add a function call that the client made before, as when it restores a conversation."""
        call, memory = item["call_id"], self.bridge.session.memory
        if (
            call in self._calls
            or call in memory.past_call_ids
            or any(each.action.call == call for each in memory.calls)
        ):
            raise wrong("item.call_id", f"there is a call {call} already", "duplicate_call_id")
        self._calls[call] = f"{item['name']}({item['arguments']})"
        while len(self._calls) > MAX_CALLS:
            self._calls.popitem(last=False)
        self._hold(Message("tool", self._calls[call], call))
        self.tick(now_ms)

    def _add_result(self, item: Frame, now_ms: int) -> None:
        """Add a tool's result. During a reply it is queued: it follows that reply in the history."""
        call, memory = item["call_id"], self.bridge.session.memory
        waited = any(each.action.call == call for each in memory.calls)
        if not waited and call not in memory.past_call_ids and call not in self._calls:
            raise wrong("item.call_id", f"no function call {call} was made here", "unknown_call")
        if any(call == name for name, _ in self._results) or (not waited and call in self._answered):
            raise wrong("item.call_id", f"the function call {call} has its output already", "duplicate_call_output")
        self._answered.append(call)
        if call in self._calls:
            self._hold(Message("tool", f"{self._calls[call]} = {item['output']}", call))
        else:
            self._results.append((call, item["output"]))
        self.tick(now_ms)

    def _conversation_item_retrieve(self, message: Frame, now_ms: int) -> None:
        item = self.bridge.items.get(message.get("item_id"), "item_retrieve_invalid_item_id")
        self.bridge.send(frame("conversation.item.retrieved", item=item))

    def _conversation_item_delete(self, message: Frame, now_ms: int) -> None:
        item = self.bridge.items.get(message.get("item_id"), "item_delete_invalid_item_id")
        key = self.bridge.items.key(item["id"])
        self._messages = [message for message in self._messages if message.key != key]
        self._results = [result for result in self._results if result[0] != key]
        if item["type"] == "function_call":
            self._calls.pop(key, None)
        with suppress(ev.IllegalEvent):  # not in the history (any more): remove it from the items alone
            self.bridge.feed(ev.MessageRemoved(now_ms, key))
        self.bridge.items.remove(item["id"])
        self.bridge.send(frame("conversation.item.deleted", item_id=item["id"]))

    def _conversation_item_truncate(self, message: Frame, now_ms: int) -> None:
        item = self.bridge.items.get(message.get("item_id"), "item_truncate_invalid_item_id")
        key, end_ms = self.bridge.items.key(item["id"]), message.get("audio_end_ms")
        if not key.startswith("reply-") or item.get("role") != "assistant":
            raise wrong("item_id", "only the bot's own audio can be truncated", "item_truncate_invalid_item_id")
        if isinstance(end_ms, bool) or not isinstance(end_ms, int) or end_ms < 0:
            raise wrong("audio_end_ms", "audio_end_ms must be a number of milliseconds, 0 or more")
        number = int(key.removeprefix("reply-"))
        rate_hz = self.bridge.reply_rate_hz(number)
        samples, output = end_ms * rate_hz // 1000, self.bridge.outputs.get(number)
        if output is not None and (samples > output.sent or (end_ms > 0 and not rate_hz)):
            have = output.sent * 1000 // output.rate_hz if output.rate_hz else 0
            raise wrong("audio_end_ms", f"only {have} ms of this item were sent", "item_truncate_invalid_audio_end_ms")
        self.bridge.feed(ev.Truncated(now_ms, number, samples))
        self.bridge.send(frame("conversation.item.truncated", item_id=item["id"], content_index=0, audio_end_ms=end_ms))

    # -- replies

    def _response_create(self, message: Frame, now_ms: int) -> None:
        if self.bridge.settings.kind == "transcription":
            raise unsupported("type", "a transcription session makes no responses")
        options = self._options(message.get("response") or {})
        if options.pop("aside", False):
            self._answer_aside(message["response"], options)
            return
        if self.bridge.active is not None:
            if not self._results:
                raise ApiError(400, CODES["already_replying"], "a response is going on already")
            self._tell_results(now_ms, follow_up=True, options=options)  # told after it
            return
        self.bridge.assume_heard(now_ms)
        self.tick(now_ms)
        self.bridge.feed(ev.ReplyRequested(now_ms, options))

    def _answer_aside(self, wish: Mapping[str, Any], options: dict[str, Any]) -> None:
        """Begin a response outside the conversation; the connection makes it."""
        settings, bridge, where = self.bridge.settings, self.bridge, "response.output_modalities"
        shape = options.get("modalities") or settings.modalities
        if bridge.output_buffer is not None and shape == ("audio",):
            raise unsupported(where, 'in a call a response outside the conversation is text: ask for ["text"]')
        given = wish.get("input")
        history = bridge.session.history if given is None else messages(given, bridge.items)
        self.admit_aside()
        shown = {
            "modalities": shape, "format": options.get("format") or settings.output_format, "conversation_id": None,
            "voice": options.get("voice") or settings.voice or settings.voice_name, "heard_tokens": 0,
            "metadata": options.get("metadata"), "ignored": options.get("ignored"),
        }  # fmt: skip
        stream = ResponseStream(bridge.send, None, 0, shown)
        self.asides.append(
            Aside(
                stream, tuple(history), options.get("instructions") or settings.instructions,
                options.get("tools", tool_specs(settings.tools)), options.get("tool_choice", settings.tool_choice),
                options.get("voice") or settings.voice_name,
            )
        )  # fmt: skip

    def _options(self, given: Any) -> dict[str, Any]:
        wish = table(given, "response")
        out: dict[str, Any] = {}
        if one_of(wish.get("conversation") or "auto", ("auto", "none"), "response.conversation") == "none":
            out["aside"] = True
        elif wish.get("input") is not None:
            raise unsupported("response.input", 'input is for a response with conversation "none"; add items instead')
        if wish.get("instructions") is not None:
            out["instructions"] = text(wish["instructions"], "response.instructions")
        if wish.get("output_modalities") is not None:
            out["modalities"] = modalities(wish["output_modalities"], "response.output_modalities")
        if wish.get("tools") is not None:
            out["tools"] = tool_specs(tools(wish["tools"], "response.tools"))
        if wish.get("tool_choice") is not None:
            out["tool_choice"] = tool_choice(wish["tool_choice"], "response.tool_choice")
        if wish.get("metadata") is not None:
            pairs = table(wish["metadata"], "response.metadata")
            if len(pairs) > MAX_METADATA_PAIRS or not all(isinstance(value, str) for value in pairs.values()):
                raise wrong(
                    "response.metadata", f"response.metadata must be at most {MAX_METADATA_PAIRS} texts by name"
                )
            out["metadata"] = dict(pairs)
        audio, where = table(wish.get("audio") or {}, "response.audio"), "response.audio.output"
        sound = table(audio.get("output") or {}, where)
        ignored = unknown(wish, RESPONSE, "response") + unknown(audio, ("output",), "response.audio")
        ignored += unknown(sound, ("voice", "format"), where)
        if sound.get("voice") is not None:
            settings = self.bridge.settings
            out["voice"] = settings.names.voice(sound["voice"], f"{where}.voice", settings.voices, ignored)
        if sound.get("format") is not None:
            out["format"] = sound_format(sound["format"], f"{where}.format")
        if ignored:
            out["ignored"] = ignored
        return out

    def _response_cancel(self, message: Frame, now_ms: int) -> None:
        active, name = self.bridge.active, message.get("response_id")
        if name is not None and self.cancel_aside(name):
            return
        if active is None or (name is not None and name != active.id):
            raise ApiError(400, CODES["not_replying"], "Cancellation failed: no such response is going on")
        self.bridge.feed(ev.ReplyCancelled(now_ms))
