# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay[voice]"]
# ///
"""Say a text and write it as a file: python examples/01_say.py [TEXT] [OUT.wav]"""

import sys

from roundelay import Pipeline, Voice

text = sys.argv[1] if len(sys.argv) > 1 else "The waste is 0.5 %, and it is 9:05."
out = sys.argv[2] if len(sys.argv) > 2 else "say.wav"

pipeline = Pipeline.load()
audio = pipeline.say(text, voice=Voice("flite-slt"), seed=7)  # the same seed says the same text the same way
audio.write(out, force=True)
print(f"{audio.duration_s:.1f} s at {audio.rate} Hz: {out}")

# the same in blocks, as they are made: what a program plays while the rest still comes
lengths = [round(block.duration_s, 2) for block in pipeline.stream("One, two, three.")]
print(f"in {len(lengths)} blocks, the first of {lengths[0]} s")
