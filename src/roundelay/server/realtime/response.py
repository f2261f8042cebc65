"""The server events of one response, in the order that clients rely on, with audio in the session's format."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np

from roundelay.server.audio.g711 import G711
from roundelay.server.audio.pcm import to_int16
from roundelay.server.realtime.frames import Frame, Items, frame, new_id
from roundelay.server.realtime.output_buffer import OutputAudioBuffer
from roundelay.server.realtime.settings import PCM, RATES_HZ
from roundelay.voice.realtime.core.context import AUDIO_TOKENS_PER_S, CHARACTERS_PER_TOKEN
from roundelay.voice.resample import Resampler

Send = Callable[[Frame], None]


class ResponseStream:
    """A response from `response.created` to `response.done`; items are opened when their content begins.

    Audio goes out in frames, or through the output buffer of a call. `items` None: it is outside the conversation.
    """

    def __init__(
        self,
        send: Send,
        items: Items | None,
        number: int,
        wish: dict[str, Any],
        output_buffer: OutputAudioBuffer | None = None,
    ) -> None:
        self.id, self.number, self.wish, self._output_buffer = new_id("resp"), number, wish, output_buffer
        self.item_id: str | None = None
        self.done = False
        self.sent, self.rate_hz = 0, 0  # samples, and their rate; 0 until there is audio
        self._send, self._items = send, items
        self._text, self._output = "", []  # type: str, list[Frame]
        self._spoken = wish["modalities"] == ("audio",)
        kind = wish["format"]
        self._wire_rate_hz, self._resampler = RATES_HZ[kind], None  # type: int, Resampler | None
        self._codec = None if kind == PCM else G711(kind)
        send(frame("response.created", response=self._resource("in_progress")))

    @property
    def spoken(self) -> bool:
        """Whether the response is audio; else it is text."""
        return self._spoken

    def say(self, clause: str) -> None:
        """Send the next clause, as transcript or as text."""
        self._open()
        delta = clause if not self._text else f" {clause}"
        self._text += delta
        kind = "response.output_audio_transcript.delta" if self._spoken else "response.output_text.delta"
        self._part(kind, delta=delta)

    def play(self, samples: np.ndarray, rate_hz: int) -> None:
        """Send the next audio, float32 [n], all of one rate; a text response sends none."""
        self.sent, self.rate_hz = self.sent + len(samples), rate_hz
        if not self._spoken:
            return
        self._open()
        if self._output_buffer is not None:
            self._output_buffer.play(self.id, samples, rate_hz)
            return
        if self._resampler is None:
            self._resampler = Resampler(rate_hz, self._wire_rate_hz)
        self._send_audio(self._resampler.push(samples))

    def _send_audio(self, samples: np.ndarray) -> None:
        """Send samples at the wire's rate."""
        if data := self._codec.encode(samples) if self._codec else to_int16(samples).tobytes():
            self._part("response.output_audio.delta", delta=base64.b64encode(data).decode())

    def call(self, call: str, name: str, arguments: str) -> None:
        """Send a function call."""
        item: Frame = {"id": new_id("item"), "object": "realtime.item", "type": "function_call", "call_id": call,
                       "name": name, "arguments": ""}  # fmt: skip
        at = len(self._output)
        self._output.append(item)
        self._add(item, call, at)
        place = {"response_id": self.id, "item_id": item["id"], "output_index": at, "call_id": call}
        self._send(frame("response.function_call_arguments.delta", delta=arguments, **place))
        self._send(frame("response.function_call_arguments.done", arguments=arguments, name=name, **place))
        item.update(arguments=arguments, status="completed")
        self._finish_item(item, at)

    def end(self, status: str, reason: str | None = None, error: Frame | None = None) -> None:
        """Close open items and send `response.done`: completed, cancelled or failed."""
        if self.done:
            return
        self.done = True
        if self.item_id is not None:
            if self._spoken:
                if status == "completed" and self._resampler is not None:
                    self._send_audio(self._resampler.finish())
                self._part("response.output_audio.done")
                self._part("response.output_audio_transcript.done", transcript=self._text)
            else:
                self._part("response.output_text.done", text=self._text)
            part = {"type": "audio", "transcript": self._text} if self._spoken else {"type": "text", "text": self._text}
            self._part("response.content_part.done", part=part)
            at, item = self._message()
            item.update(status="completed" if status == "completed" else "incomplete", content=[self._content()])
            self._finish_item(item, at)
        details: Frame | None = None
        if status != "completed":
            details = {"type": status, **({"reason": reason} if reason else {}), **({"error": error} if error else {})}
        self._send(frame("response.done", response=self._resource(status, details)))
        if self._output_buffer is not None:
            self._output_buffer.end(self.id)

    def _open(self) -> None:
        """Open the message item and its content part, once."""
        if self.item_id is not None:
            return
        self.item_id = new_id("item")
        item: Frame = {"id": self.item_id, "object": "realtime.item", "type": "message", "role": "assistant",
                       "content": []}  # fmt: skip
        at = len(self._output)
        self._output.append(item)
        self._add(item, f"reply-{self.number}", at)
        part = {"type": "audio", "transcript": ""} if self._spoken else {"type": "text", "text": ""}
        self._part("response.content_part.added", part=part)

    def _add(self, item: Frame, key: str, at: int) -> None:
        item["status"] = "in_progress"
        self._send(frame("response.output_item.added", response_id=self.id, output_index=at, item=dict(item)))
        if self._items is None:
            return
        before = self._items.add(item, key)
        self._send(frame("conversation.item.added", previous_item_id=before, item=dict(item)))

    def _finish_item(self, item: Frame, at: int) -> None:
        self._send(frame("response.output_item.done", response_id=self.id, output_index=at, item=dict(item)))
        if self._items is not None:
            self._send(frame("conversation.item.done", item=dict(item)))

    def _message(self) -> tuple[int, Frame]:
        return next((at, item) for at, item in enumerate(self._output) if item["id"] == self.item_id)

    def _content(self) -> Frame:
        if self._spoken:
            return {"type": "output_audio", "transcript": self._text}
        return {"type": "output_text", "text": self._text}

    def _part(self, kind: str, **fields: Any) -> None:
        place = {"response_id": self.id, "item_id": self.item_id, "output_index": self._message()[0]}
        self._send(frame(kind, **place, content_index=0, **fields))

    def _resource(self, status: str, details: Frame | None = None) -> Frame:
        sound = {"output": {"format": {"type": self.wish["format"]}, "voice": self.wish["voice"]}}
        return {
            "object": "realtime.response", "id": self.id, "status": status, "status_details": details,
            "output": [dict(item) for item in self._output], "conversation_id": self.wish["conversation_id"],
            "output_modalities": list(self.wish["modalities"]), "max_output_tokens": "inf", "audio": sound,
            "metadata": self.wish["metadata"], "usage": None if status == "in_progress" else self._usage(),
            **({"x_ignored": self.wish["ignored"]} if self.wish["ignored"] else {}),
        }  # fmt: skip

    def _usage(self) -> Frame:
        """The tokens that the reply takes of the model's context. Nothing is billed."""
        audio = round(self.sent / self.rate_hz * AUDIO_TOKENS_PER_S) if self._spoken and self.rate_hz else 0
        words = round(len(self._text) / CHARACTERS_PER_TOKEN)
        heard: int = self.wish["heard_tokens"]
        return {
            "total_tokens": heard + audio + words, "input_tokens": heard, "output_tokens": audio + words,
            "input_token_details": {"text_tokens": 0, "audio_tokens": heard, "cached_tokens": 0},
            "output_token_details": {"text_tokens": words, "audio_tokens": audio},
        }  # fmt: skip
