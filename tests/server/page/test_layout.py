"""The page in Chromium: nothing moves when the speaker changes, focus is seen, targets are large, faults are near."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page, chromium
from server_case import FakeEngine, running

from roundelay.errors import RoundelayError
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Request, Response

PICTURES = Path(__file__).resolve().parents[3] / "out" / "page"
WIDTHS = ((390, 844), (1280, 900))
PLACES = """(() => Object.fromEntries(["talk-button", "talk-state", "who-you", "who-bot", "talk-engines", "interrupt",
  "type", "type-send", "talk-settings"].map((id) => { const r = document.getElementById(id).getBoundingClientRect();
  return [id, [r.x, r.y + scrollY, r.width, r.height].map(Math.round)]; })))()"""
SMALL = """[...document.querySelectorAll("a, button, input, select, textarea, summary, [role=tab]")].filter((each) => {
  const r = each.getBoundingClientRect();
  return each.offsetParent && !each.classList.contains("skip") && (r.height < 24 || r.width < 24); }).map((each) =>
  each.outerHTML.slice(0, 80))"""
RING = """((each) => { const s = getComputedStyle(each);
  return each === document.body || s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 ||
  s.boxShadow !== "none" ? "" : each.outerHTML.slice(0, 80); })(document.activeElement)"""


class Talkative(FakeEngine):
    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Response]:
        yield Response("It is ten minutes past four in the afternoon, and the next train leaves at five. " * 4)


def press_tab(page: Page) -> None:
    for kind in ("keyDown", "keyUp"):
        page.do("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_nothing_moves_when_the_speaker_changes(width: int, height: int) -> None:
    with running(Talkative()) as server, chromium() as page:
        page.open(f"{server.url}/", width, height)
        page.until("document.getElementById('talk-engines').textContent.includes('fake hears, fake speaks')")
        before = page.ask(PLACES)
        page.ask("document.getElementById('type').value = 'hello'")
        page.ask("document.getElementById('type-form').requestSubmit()")
        page.until("document.getElementById('who-bot').dataset.on === 'true'")
        page.until("document.getElementById('talk-state').textContent.includes('Speak over it')")
        assert page.ask(PLACES) == before, "the bot speaks"
        page.picture(PICTURES / f"speaking-{width}.png")
        page.ask("document.getElementById('who-you').dataset.on = 'true'")
        assert page.ask(PLACES) == before, "the person speaks"
        page.ask("document.getElementById('talk-button').click()")
        page.until("document.getElementById('talk-label').textContent === 'Start talking'")
        assert page.ask(PLACES) == before, "it is over"
        assert page.ask("document.documentElement.scrollWidth") <= width
        assert page.complaints == []


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_every_target_is_large_and_every_focus_is_seen(width: int, height: int) -> None:
    with running() as server, chromium() as page:
        page.open(f"{server.url}/", width, height)
        for name in ("talk", "say", "transcribe", "fabric"):
            page.ask(f"document.getElementById('tab-{name}').click()")
            assert page.ask(SMALL) == [], name
            seen = []
            for _ in range(16):
                press_tab(page)
                seen.append(page.ask(RING))
            assert [each for each in seen if each] == [], name
            page.picture(PICTURES / f"{name}-{width}.png")


def test_a_phone_may_choose_any_recording_and_is_offered_to_make_one() -> None:
    with running() as server, chromium() as page:
        page.size(390, 844)
        page.do("Emulation.setTouchEmulationEnabled", enabled=True)
        page.do("Emulation.setEmulatedMedia", features=[{"name": "pointer", "value": "coarse"}])
        page.open(f"{server.url}/#transcribe", 390, 844)
        assert page.ask("document.getElementById('transcribe-file').accept").split(",")[:2] == ["audio/*", "video/*"]
        assert page.ask("document.getElementById('transcribe-record').getAttribute('capture')") is not None
        assert page.ask("document.getElementById('transcribe-record').accept") == "audio/*"


class Failing(FakeEngine):
    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Response]:
        raise RoundelayError("the chat server is away")


def test_a_fault_is_told_beside_the_button_that_caused_it() -> None:
    with running(Failing()) as server, chromium() as page:
        page.open(f"{server.url}/", 390, 844)
        page.ask("document.getElementById('type').value = 'hello'")
        page.ask("document.getElementById('type-form').requestSubmit()")
        page.until("document.getElementById('type-error').textContent.includes('chat server is away')")
        near = page.ask(
            """document.getElementById("type-error").getBoundingClientRect().top -
              document.getElementById("type-send").getBoundingClientRect().bottom"""
        )
        assert 0 <= near < 40 and page.ask("document.getElementById('talk-error').hidden")
        page.ask("document.getElementById('talk-button').click()")


def test_who_must_wait_is_told_so() -> None:
    with running(FakeEngine(pause_s=0.5)) as server, chromium() as page:
        page.open(f"{server.url}/")
        page.ask("document.getElementById('type').value = 'hello'")
        page.ask("document.getElementById('type-form').requestSubmit()")
        page.until("document.getElementById('talk-label').textContent === 'End'")
        for session in list(server.service.sessions.values()):
            limit = {"name": "requests", "limit": 1, "remaining": 0, "reset_seconds": 2.0}
            event = {"type": "rate_limits.updated", "event_id": "event_1", "rate_limits": [limit]}
            server.runner._loop.call_soon_threadsafe(session.send, event)  # type: ignore[union-attr]
        page.until("document.getElementById('talk-state').textContent.includes('Others are talking')")
