# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay[voice]"]
# ///
"""Transcribe a recording: python examples/02_transcribe.py [SOUND]; without one, of a sentence it says itself."""

import sys

from roundelay import Audio, Pipeline

pipeline = Pipeline.load()
audio = Audio.read(sys.argv[1]) if len(sys.argv) > 1 else pipeline.say("How many nodes are down?")

transcript = pipeline.transcribe(audio)
print(f"{audio.duration_s:.1f} s: {transcript.text}")
for segment in transcript.segments:
    print(f"  {segment.start_s:.1f} to {segment.end_s:.1f} s: {segment.text}")
