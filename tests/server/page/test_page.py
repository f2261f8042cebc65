"""The page in Chromium, with a microphone fed from a file: it hears, captions, answers, and stops when interrupted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import chromium
from server_case import FakeEngine, running
from test_http import wav
from test_middleware import until

from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Request, Response

PICTURES = Path(__file__).resolve().parents[3] / "out" / "page"
PAGE = Path(__file__).resolve().parents[3] / "src" / "roundelay" / "server" / "page"
LONG = "It is ten minutes past four in the afternoon, and the next train leaves in a quarter of an hour. " * 3


class Talkative(FakeEngine):
    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Response]:
        yield Response(LONG)


def tone(seconds: float, level: float = 0.4) -> np.ndarray:
    return (level * np.sin(np.arange(int(seconds * 16_000)) * 0.15)).astype(np.float32)


def test_the_page_talks_and_stops_when_it_is_interrupted(tmp_path: Path) -> None:
    voice = tmp_path / "microphone.wav"
    parts = [tone(2, 0), tone(0.7), tone(4, 0), tone(0.9), tone(20, 0)]  # a question, and a word over the answer
    soundfile.write(voice, np.concatenate(parts), 16_000, subtype="PCM_16")
    with running(Talkative()) as server, chromium(f"--use-file-for-fake-audio-capture={voice}%noloop") as page:
        page.open(f"{server.url}/")
        page.until("document.getElementById('ready').dataset.state === 'ready'")
        page.ask("document.getElementById('talk-button').click()")
        page.until("document.querySelector('#captions .you')?.textContent.includes('what is the time')")
        page.until("document.querySelector('#captions .bot')?.textContent.includes('ten minutes past four')")
        page.until("document.getElementById('who-bot').dataset.on === 'true'")
        page.until("document.querySelector('#captions .bot')?.textContent.includes('interrupted')")
        page.until("document.querySelectorAll('#captions .bot').length === 2")
        page.until("document.querySelectorAll('#waterfall table').length >= 1")
        assert re.search(r"Turn \d+: \d+ ms", page.ask("document.querySelector('#waterfall caption').textContent"))
        page.picture(PICTURES / "talk.png")
        page.ask("document.getElementById('talk-button').click()")
        assert until(lambda: not server.service.sessions)
        page.until("document.getElementById('talk-label').textContent === 'Start talking'")
        assert page.complaints == []


def test_typing_saying_and_transcribing() -> None:
    with running() as server, chromium() as page:
        page.open(f"{server.url}/")
        page.ask("document.getElementById('type').value = 'hello <b>you</b>'")
        page.ask("document.getElementById('type-form').requestSubmit()")
        page.until("document.querySelector('#captions .bot')?.textContent.includes('you said hello <b>you</b>')")
        page.ask("document.getElementById('tab-say').click()")
        page.ask("document.getElementById('say-form').requestSubmit()")
        page.until("!document.getElementById('say-result').hidden")
        assert "First sound after" in page.ask("document.getElementById('say-state').textContent")
        page.ask("document.getElementById('tab-transcribe').click()")
        data = ",".join(map(str, wav(0.5)))
        page.ask(
            f"""(() => {{
              const files = new DataTransfer();
              files.items.add(new File([new Uint8Array([{data}])], "a.wav", {{ type: "audio/wav" }}));
              const input = document.getElementById("transcribe-file");
              input.files = files.files;
              input.dispatchEvent(new Event("change"));
            }})()"""
        )
        page.until("document.getElementById('transcribe-text').textContent === 'what is the time'")
        assert page.complaints == []


def test_the_page_fits_a_phone_and_is_reached_by_keyboard() -> None:
    with running() as server, chromium() as page:
        page.open(f"{server.url}/", 360, 740)
        for name in ("talk", "say", "transcribe", "fabric"):
            page.ask(f"document.getElementById('tab-{name}').focus()")
            assert page.ask("document.documentElement.scrollWidth") <= 360, f"{name} is wider than a phone"
            page.picture(PICTURES / f"phone-{name}.png")
            page.ask(
                "document.activeElement.dispatchEvent("
                "new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }))"
            )
        assert page.ask("document.activeElement.id") == "tab-talk", "the arrows go round"
        nameless = page.ask(
            """[...document.querySelectorAll("button, input, select, textarea, iframe, [role=log]")].filter((each) =>
              !(each.labels?.length || each.textContent.trim() || each.getAttribute("aria-label") ||
                each.getAttribute("aria-labelledby") || each.title)).map((each) => each.outerHTML)"""
        )
        assert nameless == []


class Remembering:
    """A calculator that gives the shape of an answer at once; `test_fabric.py` asks the real one."""

    async def ask(self, *words: str, out: bool = False) -> str:
        if out:
            return "<!doctype html><title>Report</title><p>the report"
        row = {"arch": "infinitepod-k2", "waste": 0.01, "max": 0.02, "largest_job_min_gpus": 2816}
        return json.dumps({"rows": [{**row, "arch": f"nvl-{at}", "waste": 0.1 * at} for at in (3, 2)] + [row]})


def test_the_fabric_tab_counts() -> None:
    with running(calculator=Remembering()) as server, chromium() as page:
        page.open(f"{server.url}/#fabric")
        page.until("document.querySelectorAll('#fabric-table tbody tr').length === 3")
        assert page.ask("document.querySelector('#fabric-table tbody th').textContent") == "infinitepod-k2", (
            "best first"
        )
        page.until("!document.getElementById('report').hidden")
        page.picture(PICTURES / "fabric.png")
        assert page.complaints == []


@pytest.mark.parametrize("file", sorted(PAGE.iterdir()), ids=lambda file: file.name)
def test_no_file_of_the_page_names_another_machine(file: Path) -> None:
    foreign = re.findall(r"(?:https?:)?//[a-z0-9][^\s\"'`)]*", re.sub(r"(?m)^\s*//.*$| // .*$", "", file.read_text()))
    assert [url for url in foreign if "www.w3.org/2000/svg" not in url] == []
