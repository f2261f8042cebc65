"""Wyoming's own client, which Home Assistant uses, against `roundelay serve --wyoming`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("wyoming", reason="wyoming is not installed: make test-clients")

from clients_case import LONG_S, Reached
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.handle import Handled
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize

QUESTION = "What is the capital of France?"


async def ask(server: Reached, *events: Any, last: type) -> list[Any]:
    """What comes on a connection of its own, up to an event of that type."""
    async with AsyncTcpClient("127.0.0.1", server.wyoming) as client:
        for event in events:
            await client.write_event(event if hasattr(event, "type") else event.event())
        seen: list[Any] = []
        while event := await asyncio.wait_for(client.read_event(), LONG_S):
            seen.append(event)
            if last.is_type(event.type):
                return seen
    raise AssertionError(f"closed after {seen}")


def test_speaks_hears_itself_and_answers(reached: Reached) -> None:
    async def run() -> None:
        info = Info.from_event((await ask(reached, Describe(), last=Info))[-1])
        assert info.asr[0].installed and info.tts[0].voices and info.handle[0].installed
        said = await ask(reached, Synthesize(QUESTION), last=AudioStop)
        form = AudioStart.from_event(said[0])
        chunks = [event for event in said if AudioChunk.is_type(event.type)]
        sound = sum(AudioChunk.from_event(event).samples for event in chunks) / form.rate
        assert 0.5 < sound < 6
        heard = await ask(reached, Transcribe(language="en"), *said, last=Transcript)
        assert "capital" in Transcript.from_event(heard[-1]).text.lower()
        answer = await ask(reached, Transcript(QUESTION), last=Handled)
        assert "Paris" in (Handled.from_event(answer[-1]).text or "")

    asyncio.run(run())
