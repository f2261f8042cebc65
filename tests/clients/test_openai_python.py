"""OpenAI's Python client against `roundelay serve` by https, by URL alone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="openai is not installed: make test-clients")

import openai
from clients_case import LONG_S, Reached

QUESTION = "What is the capital of France?"


@pytest.fixture(scope="module")
def client(reached: Reached) -> Iterator[Any]:
    """The client as anyone makes it, where the system trusts the certificate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(reached.cert))
        patch.setenv("NO_PROXY", "localhost")
        with openai.OpenAI(base_url=reached.http, api_key="none", max_retries=0, timeout=LONG_S) as made:
            yield made


def test_speaks_and_hears_itself(client: Any, tmp_path: Path) -> None:
    assert "roundelay" in [each.id for each in client.models.list()]
    for form in ("wav", "mp3"):
        file = tmp_path / f"said.{form}"
        with client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice="coral", input=QUESTION, response_format=form
        ) as answer:
            answer.stream_to_file(file)
        heard = client.audio.transcriptions.create(model="whisper-1", file=file.open("rb")).text
        assert "capital" in heard.lower(), (form, heard)


def test_answers_with_sound(client: Any) -> None:
    made = client.chat.completions.create(
        model="gpt-audio", modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"},
        messages=[{"role": "user", "content": QUESTION}],
    ).choices[0].message.audio  # fmt: skip
    assert "Paris" in made.transcript and base64.b64decode(made.data)[:4] == b"RIFF"


def test_converses(client: Any) -> None:
    heard = 0
    with client.realtime.connect(model="gpt-realtime") as talk:
        talk.session.update(session={"type": "realtime", "output_modalities": ["audio"]})
        part = {"type": "input_text", "text": QUESTION}
        talk.conversation.item.create(item={"type": "message", "role": "user", "content": [part]})
        talk.response.create()
        for event in talk:
            assert event.type != "error", event
            heard += event.type == "response.output_audio.delta"
            if event.type == "response.done":
                assert event.response.status == "completed"
                assert "Paris" in event.response.output[0].content[0].transcript
                break
    assert heard
