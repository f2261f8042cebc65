# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay[voice,serve]", "openai>=2.0"]
# ///
"""Start the server on a free port, call it with OpenAI's client, stop it: python examples/05_serve_and_call.py"""

import re
import subprocess
import sys
import time
from urllib.error import HTTPError
from urllib.request import urlopen

from openai import OpenAI


def wait_until_ready(url: str) -> None:
    """The model loads for a few seconds; `/ready` is 503 until it has."""
    for _ in range(120):
        try:
            urlopen(f"{url}ready").close()
            return
        except HTTPError:
            time.sleep(0.5)
    raise SystemExit("the server did not become ready within a minute")


server = subprocess.Popen(
    [sys.executable, "-m", "roundelay", "serve", "--port", "0"], stderr=subprocess.PIPE, text=True
)
try:
    url = re.search(r"http://\S+", server.stderr.readline())[0]
    wait_until_ready(url)
    client = OpenAI(base_url=f"{url}v1", api_key="none")  # any text: a server on loopback asks for no key

    speech = client.audio.speech.create(
        model="roundelay", voice="alloy", input="What is twelve times seven?", response_format="wav"
    ).content
    print(f"speech: {len(speech):,} bytes of WAV")
    print("transcription:", client.audio.transcriptions.create(model="roundelay", file=("question.wav", speech)).text)
    chat = client.chat.completions.create(
        model="roundelay", messages=[{"role": "user", "content": "What is twelve times seven?"}]
    )
    print("chat:", chat.choices[0].message.content)
finally:
    server.terminate()
    server.wait(30)
