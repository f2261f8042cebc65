"""The page in Chromium, behind a prefix and TLS: of a proxy that strips the prefix, and of the server itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import chromium
from reach_case import Proxy, certificate, proxy
from server_case import running
from test_middleware import until

from roundelay.server.tls import Tls

PICTURES = Path(__file__).resolve().parents[3] / "out" / "page"
PREFIX = "/voice"


def microphone(path: Path) -> Path:
    """Two seconds of silence, a tone, silence."""
    tone = 0.4 * np.sin(np.arange(11_200) * 0.15)
    soundfile.write(path, np.concatenate([np.zeros(32_000), tone, np.zeros(320_000)]), 16_000, subtype="PCM_16")
    return path


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
def test_a_conversation_behind_a_proxy_that_strips_the_prefix(tmp_path: Path, width: int, height: int) -> None:
    voice, files = microphone(tmp_path / "microphone.wav"), certificate(tmp_path)
    with (
        running(root_path=PREFIX, allowed=("localhost",)) as server,
        proxy(Proxy(server.port, PREFIX, keeps_host=False, tls=files)) as port,
        chromium("--ignore-certificate-errors", f"--use-file-for-fake-audio-capture={voice}%noloop") as page,
    ):
        page.origins = (f"https://localhost:{port}/", f"wss://localhost:{port}/")
        page.open(f"https://localhost:{port}{PREFIX}", width, height)  # without the last slash
        page.until("document.getElementById('ready').dataset.state === 'ready'")
        page.ask("document.getElementById('talk-button').click()")
        page.until("document.querySelector('#captions .you')?.textContent.includes('what is the time')")
        page.until("document.querySelector('#captions .bot')?.textContent.includes('you said what is the time')")
        page.until("document.querySelectorAll('#waterfall table').length >= 1")
        assert page.ask("document.documentElement.scrollWidth") <= width
        page.picture(PICTURES / f"prefix-{width}.png")
        page.ask("document.getElementById('talk-button').click()")
        assert until(lambda: not server.service.sessions)
        assert page.complaints == []


def test_a_text_is_said_by_a_server_of_https_with_a_prefix(tmp_path: Path) -> None:
    with running(root_path=PREFIX, tls=Tls(*certificate(tmp_path))) as server, chromium(
        "--ignore-certificate-errors"
    ) as page:  # fmt: skip
        page.origins = (f"https://localhost:{server.port}/", f"wss://localhost:{server.port}/")
        page.open(f"https://localhost:{server.port}{PREFIX}/#say")
        page.until("document.querySelectorAll('#say-voice option').length > 1")
        page.ask("document.getElementById('say-form').requestSubmit()")
        page.until("!document.getElementById('say-result').hidden")
        page.ask("document.getElementById('tab-talk').click()")
        page.ask("document.getElementById('type').value = 'hello'")
        page.ask("document.getElementById('type-form').requestSubmit()")
        page.until("document.querySelector('#captions .bot')?.textContent.includes('you said hello')")
        assert page.complaints == []
