"""What a client's frames do to a conversation: one function for each of the eleven."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from roundelay.server import names
from roundelay.server.errors import ApiError, unsupported, wrong
from roundelay.server.formats import G711, MODEL_RATE_HZ, Rate, from_int16
from roundelay.server.realtime.conversation import Conversation
from roundelay.server.realtime.frames import Frame, frame, new_id
from roundelay.server.realtime.settings import PCM, RATES_HZ, modalities, one_of, table, text, tool_choice, tools
from roundelay.server.requests import bytes_of
from roundelay.voice.realtime import events as ev

COMMIT_LEAST_MS = 100  # OpenAI's own bound for a commit
METADATA_MOST = 16
CODES = {"already_replying": "conversation_already_has_active_response", "not_replying": "response_cancel_not_active",
         "closed": "session_closing", "too_many": "too_many"}  # fmt: skip


class Client:
    """One client's side of a conversation: decodes its sound and carries out its frames.

    A recording that comes as an item is left in `recordings`; whoever runs the conversation has it read, and says so
    by `heard`.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.talk = conversation
        self.recordings: list[tuple[str, np.ndarray]] = []  # items whose words are to be read
        self._rate: tuple[str, Rate] = (PCM, Rate(RATES_HZ[PCM], MODEL_RATE_HZ))
        self._from = 0  # the sample after the last commit
        self._results: list[tuple[str, str]] = []  # of tools, that came while a reply goes on
        self._messages: list[ev.Message] = []  # the same of messages: the history holds them after that reply

    def do(self, message: Frame, now_ms: int) -> None:
        """Carry out a frame. Raises `ApiError`; the session lives on."""
        name = message["type"].replace(".", "_")
        try:
            getattr(self, f"_{name}")(message, now_ms)
        except ev.IllegalEvent as error:
            raise ApiError(400, CODES.get(error.code, "invalid_value"), str(error)) from None

    def tick(self, now_ms: int) -> None:
        """Put what came during a reply into the history once it has ended; nobody asked to have results told."""
        if (self._results or self._messages) and self.talk.session.memory.reply is None:
            self._tell_results(now_ms, fold=False)
            messages, self._messages = self._messages, []
            for message in messages:
                self.talk.feed(ev.MessageAdded(now_ms, message))

    def _tell_results(self, now_ms: int, *, fold: bool) -> None:
        results, self._results = self._results, []
        for call, output in results:
            self.talk.feed(ev.ToolReturned(now_ms, call, output, fold))

    # -- the session

    def _session_update(self, message: Frame, now_ms: int) -> None:
        spoken = any(output.sent for output in self.talk.outputs.values())
        self.talk.configured(self.talk.settings.updated(message.get("session"), spoken), now_ms)

    # -- sound

    def decoded(self, message: Frame) -> np.ndarray:
        """The sound of an `input_audio_buffer.append`, float32 at 16 kHz. Raises `ApiError`."""
        if self.talk.mouth is not None:
            raise unsupported("type", "the sound of a call comes by its track")
        return self._decoded(bytes_of(message.get("audio"), "audio"), "audio")

    def _decoded(self, data: bytes, where: str) -> np.ndarray:
        kind = self.talk.settings.input_format
        if kind == PCM and len(data) % 2:
            raise wrong(where, f"{len(data)} bytes are no whole number of 16-bit samples", "invalid_audio")
        if self._rate[0] != kind:
            self._rate = (kind, Rate(RATES_HZ[kind], MODEL_RATE_HZ))
        samples = from_int16(data) if kind == PCM else G711(kind).decode(data)
        return self._rate[1].push(samples)

    def _input_audio_buffer_commit(self, message: Frame, now_ms: int) -> None:
        end = self.talk.samples
        if (end - self._from) * 1000 < COMMIT_LEAST_MS * ev.RATE_HZ:
            have = (end - self._from) * 1000 // ev.RATE_HZ
            message_ = f"the buffer holds {have} ms of sound; a commit needs {COMMIT_LEAST_MS} ms"
            raise ApiError(400, "input_audio_buffer_commit_empty", message_)
        self.talk.feed(ev.TurnEnded(now_ms, self._from, end))
        self._from = end

    def _input_audio_buffer_clear(self, message: Frame, now_ms: int) -> None:
        self._from = self.talk.samples
        self.talk.feed(ev.InputCleared(now_ms))
        self.talk.send(frame("input_audio_buffer.cleared"))

    def _output_audio_buffer_clear(self, message: Frame, now_ms: int) -> None:
        if self.talk.mouth is None:
            raise unsupported("type", "output_audio_buffer.clear belongs to WebRTC; truncate the item, or cancel")
        reply = self.talk.session.memory.reply
        if reply is not None and (pacer := self.talk.pacers.get(reply.number)) is not None:
            self.talk.feed(ev.Truncated(now_ms, reply.number, pacer.played))
        self.talk.mouth.clear()

    # -- items

    def _conversation_item_create(self, message: Frame, now_ms: int) -> None:
        given = table(message.get("item"), "item")
        kind = one_of(given.get("type"), ("message", "function_call_output", "function_call"), "item.type")
        before = message.get("previous_item_id")
        after = before if kind == "function_call_output" and before in self.talk.items else None  # its call says where
        if before is not None and after is None and before not in (self.talk.items.last, "root"):
            raise unsupported("previous_item_id", "items are added at the end of the conversation only")
        name = text(given["id"], "item.id", 64) if given.get("id") is not None else new_id("item")
        if name in self.talk.items:
            raise wrong("item.id", f"there is an item {name} already", "item_create_duplicate_item_id")
        item: Frame = {"id": name, "object": "realtime.item", "type": kind, "status": "completed"}
        if kind == "message":
            self._message(item, given, now_ms)
        else:
            item["call_id"] = text(given.get("call_id"), "item.call_id", 128)
            if kind == "function_call":
                item |= {key: text(given.get(key), f"item.{key}") for key in ("name", "arguments")}
            else:
                item["output"] = text(given.get("output"), "item.output")
                self._returned(item, now_ms)
        before = self.talk.items.add(item, item["id"], after)
        self.talk.send(frame("conversation.item.added", previous_item_id=before, item=item))
        self.talk.send(frame("conversation.item.done", previous_item_id=before, item=item))

    def _message(self, item: Frame, given: Mapping[str, Any], now_ms: int) -> None:
        role = one_of(given.get("role"), ("user", "assistant", "system"), "item.role")
        parts = given.get("content")
        if not isinstance(parts, list) or not 1 <= len(parts) <= 64:
            raise wrong("item.content", "item.content must be an array of 1 to 64 parts", "invalid_type")
        kept, words, sounds = [], [], []
        for at, part in enumerate(parts):
            where = f"item.content[{at}]"
            kind = table(part, where).get("type")
            if kind in ("input_text", "output_text", "text"):
                words.append(text(part.get("text"), f"{where}.text"))
                kept.append({"type": "output_text" if role == "assistant" else "input_text", "text": words[-1]})
            elif kind == "input_audio" and role == "user":
                sounds.append(self._decoded(bytes_of(part.get("audio"), f"{where}.audio"), f"{where}.audio"))
                kept.append({"type": "input_audio", "transcript": part.get("transcript")})
            elif kind == "output_audio" and role == "assistant" and part.get("transcript"):
                words.append(text(part["transcript"], f"{where}.transcript"))
                kept.append({"type": "output_audio", "transcript": words[-1]})
            else:
                raise unsupported(
                    f"{where}.type", f"a {role}'s part must be text{', or sound' if role == 'user' else ''}"
                )
        item |= {"role": role, "content": kept}
        if sounds and (sound := np.concatenate(sounds)).size:
            self.recordings.append((item["id"], sound))
        if spoken := "\n".join(words).strip():
            self._messages.append(ev.Message(role, spoken, item["id"]))  # type: ignore[arg-type]
            self.tick(now_ms)

    def heard(self, name: str, words: str, now_ms: int) -> None:
        """The words of a recording that came as an item."""
        if name in self.talk.items and words.strip():
            self.talk.items.get(name, "")["content"] = [{"type": "input_audio", "transcript": words}]
            self._messages.append(ev.Message("user", words, name))
            self.tick(now_ms)

    def _returned(self, item: Frame, now_ms: int) -> None:
        """Take a tool's result. While a reply goes on it is kept back: the history is to hold it after that reply."""
        call, memory = item["call_id"], self.talk.session.memory
        if call not in memory.past_calls and all(each.action.call != call for each in memory.calls):
            raise wrong("item.call_id", f"no function call {call} was made here", "unknown_call")
        self._results.append((call, item["output"]))
        self.tick(now_ms)

    def _conversation_item_retrieve(self, message: Frame, now_ms: int) -> None:
        item = self.talk.items.get(message.get("item_id"), "item_retrieve_invalid_item_id")
        self.talk.send(frame("conversation.item.retrieved", item=item))

    def _conversation_item_delete(self, message: Frame, now_ms: int) -> None:
        item = self.talk.items.get(message.get("item_id"), "item_delete_invalid_item_id")
        self._messages = [message for message in self._messages if message.key != item["id"]]
        with suppress(ev.IllegalEvent):  # it was never in the history, or has left it: only the client's view remains
            self.talk.feed(ev.MessageRemoved(now_ms, self.talk.items.key(item["id"])))
        self.talk.items.remove(item["id"])
        self.talk.send(frame("conversation.item.deleted", item_id=item["id"]))

    def _conversation_item_truncate(self, message: Frame, now_ms: int) -> None:
        item = self.talk.items.get(message.get("item_id"), "item_truncate_invalid_item_id")
        key, end_ms = self.talk.items.key(item["id"]), message.get("audio_end_ms")
        if not key.startswith("reply-") or item.get("role") != "assistant":
            raise wrong("item_id", "only the bot's own sound can be truncated", "item_truncate_invalid_item_id")
        if isinstance(end_ms, bool) or not isinstance(end_ms, int) or end_ms < 0:
            raise wrong("audio_end_ms", "audio_end_ms must be a number of milliseconds, 0 or more")
        number, samples = int(key.removeprefix("reply-")), end_ms * ev.RATE_HZ // 1000
        output = self.talk.outputs.get(number)
        if output is not None and samples > output.sent:
            have = output.sent * 1000 // ev.RATE_HZ
            raise wrong("audio_end_ms", f"only {have} ms of this item were sent", "item_truncate_invalid_audio_end_ms")
        self.talk.feed(ev.Truncated(now_ms, number, samples))
        self.talk.send(frame("conversation.item.truncated", item_id=item["id"], content_index=0, audio_end_ms=end_ms))

    # -- replies

    def _response_create(self, message: Frame, now_ms: int) -> None:
        options = self._options(message.get("response") or {})
        if self.talk.active is not None:
            if not self._results:
                raise ApiError(400, CODES["already_replying"], "a response is going on already")
            self.talk.next_options = options  # a tool's result is told as soon as nobody speaks
            self._tell_results(now_ms, fold=True)
            return
        self.talk.heard_all(now_ms)
        self.tick(now_ms)
        self.talk.feed(ev.ReplyAsked(now_ms, options))

    def _options(self, given: Any) -> dict[str, Any]:
        wish = table(given, "response")
        out: dict[str, Any] = {}
        if wish.get("conversation") not in (None, "auto"):
            raise unsupported("response.conversation", "responses outside of the conversation are not made here")
        if wish.get("input") is not None:
            raise unsupported("response.input", "a response answers the conversation; add items to it")
        if wish.get("instructions") is not None:
            out["instructions"] = text(wish["instructions"], "response.instructions")
        if wish.get("output_modalities") is not None:
            out["modalities"] = modalities(wish["output_modalities"], "response.output_modalities")
        if wish.get("tools") is not None:
            out["tools"] = tools(wish["tools"], "response.tools")
        if wish.get("tool_choice") is not None:
            out["tool_choice"] = tool_choice(wish["tool_choice"], "response.tool_choice")
        if wish.get("metadata") is not None:
            pairs = table(wish["metadata"], "response.metadata")
            if len(pairs) > METADATA_MOST or not all(isinstance(value, str) for value in pairs.values()):
                raise wrong("response.metadata", f"response.metadata must be at most {METADATA_MOST} texts by name")
            out["metadata"] = dict(pairs)
        sound = table(wish.get("audio") or {}, "response.audio").get("output") or {}
        if table(sound, "response.audio.output").get("voice") is not None:
            out["voice"] = names.voice(sound["voice"], "response.audio.output.voice")
        return out

    def _response_cancel(self, message: Frame, now_ms: int) -> None:
        active, name = self.talk.active, message.get("response_id")
        if active is None or (name is not None and name != active.id):
            raise ApiError(400, CODES["not_replying"], "Cancellation failed: no such response is going on")
        self.talk.feed(ev.ReplyCancelled(now_ms))
