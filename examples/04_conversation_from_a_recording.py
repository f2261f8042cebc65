# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay[voice]"]
# ///
"""Hold a conversation with a recording in place of a microphone: python examples/04_conversation_from_a_recording.py
[SOUND]; without one, with two questions that it says itself, the second over the bot's answer to the first.
"""

import sys
from collections.abc import Iterator

import numpy as np

from roundelay import Audio, Conversation, Pipeline
from roundelay.voice.realtime.conversation import BotAudio, BotText, Interrupted, Update, UserTurn

pipeline = Pipeline.load()


def recording() -> Audio:
    """Two questions; the second begins while the first is being answered."""
    first, second = pipeline.say("What is the capital of France?"), pipeline.say("What is twelve times seven?")
    pause = np.zeros(int(2.2 * first.rate), np.float32)
    return Audio(np.concatenate([first.samples, pause, second.samples]), first.rate)


def blocks(audio: Audio, block_s: float = 0.02) -> Iterator[Audio]:
    """Yield a recording in blocks of 20 ms, as a microphone gives them."""
    size = int(block_s * audio.rate)
    for start in range(0, len(audio.samples) - size + 1, size):
        yield Audio(audio.samples[start : start + size], audio.rate)


conversation = Conversation(pipeline)
played: list[np.ndarray] = []


def show(updates: list[Update]) -> None:
    """Print what happened, and keep what a loudspeaker would play."""
    for update in updates:
        match update:
            case UserTurn(at_s=at_s, text=text):
                print(f"{at_s:5.1f} s  you: {text}")
            case BotText(at_s=at_s, text=text):
                print(f"{at_s:5.1f} s  bot: {text}")
            case Interrupted(at_s=at_s, text=text):
                print(f"{at_s:5.1f} s  interrupted after: {text}")
            case BotAudio(audio=audio):
                played.append(audio.samples)


for block in blocks(Audio.read(sys.argv[1]) if len(sys.argv) > 1 else recording()):
    show(conversation.hear(block))
show(conversation.finish())  # what is still to be answered and played
if played:
    Audio(np.concatenate(played), pipeline.synthesizer.rate_hz).write("answers.wav", force=True)
for message in conversation.history:
    print(f"{message.role}: {message.text}")
