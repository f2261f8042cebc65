# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay[voice]"]
# ///
"""Ask by voice and hear the answer: python examples/03_ask.py [QUESTION.wav] [ANSWER.wav]"""

import sys

from roundelay import Audio, Pipeline

pipeline = Pipeline.load()
question = Audio.read(sys.argv[1]) if len(sys.argv) > 1 else pipeline.say("What is twelve times seven?")

reply = pipeline.ask(question)
print("heard: ", reply.transcript.text)
print("answer:", reply.response.text)
print("skill: ", reply.response.skill)  # the call the question was understood as: answers are computed, not guessed
reply.audio().write(sys.argv[2] if len(sys.argv) > 2 else "answer.wav", force=True)

print("typed: ", pipeline.ask("What is the capital of Kenya?").response.text)
