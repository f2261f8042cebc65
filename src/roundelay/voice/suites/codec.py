"""The codec's suite: what is lost of the words, the voice and the pitch between audio and tokens and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roundelay.voice.data.grammar import DIGITS
from roundelay.voice.data.manifest import read_manifest
from roundelay.voice.decoder.flow import Sampling
from roundelay.voice.eval.judges import CachedTranscriber, Panel
from roundelay.voice.eval.metrics.similarity import SpeakerSimilarity
from roundelay.voice.eval.tasks.cloning import Speaker, cloning, speakers
from roundelay.voice.eval.tasks.codebooks import codebooks
from roundelay.voice.eval.tasks.codec import RATE_HZ, Codec
from roundelay.voice.eval.tasks.intelligibility import vocoder_stoi
from roundelay.voice.eval.tasks.outside import outside
from roundelay.voice.eval.tasks.phones import phone_errors
from roundelay.voice.eval.tasks.pitch import pitch
from roundelay.voice.eval.tasks.resynthesis import flow_noise, resynthesis, variants
from roundelay.voice.eval.tasks.task import Recording, Task
from roundelay.voice.interfaces import Transcriber
from roundelay.voice.suites import sets
from roundelay.voice.text.pronunciations import pronounce

FLOW_STARTS = {
    "prior alone": Sampling(0, 0.0),
    "noise 0.0": Sampling(4, 0.0),
    "noise 0.3": Sampling(4, 0.3),
    "noise 0.7": Sampling(4, 0.7),
}


@dataclass(frozen=True, slots=True)
class CodecSuite:
    """The codec's tasks, with where their sets are found. `most` bounds each set (None: all).

    `cache` is a folder for the judges' answers.
    """

    codec: Codec
    judges: Sequence[Transcriber]
    corpus: Path
    people: Path
    recordings: Path
    cache: Path
    most: int | None = None

    def tasks(self) -> dict[str, Callable[[], Task[Any]]]:
        """Each task by name, made when it is called for."""
        return {
            "held_out": self.held_out,
            "temperature": self.temperature,
            "known_voices": self.known_voices,
            "people": self.real_people,
            "ctc": self.ctc,
            "recordings": self.outside,
            "vocoder": self.vocoder,
            "pitch": self.pitch,
            "cloning": self.cloning,
            "codebooks": self.codebooks,
        }

    def held_out(self) -> Task[Recording]:
        """Sentences and voices held out from training, judged."""
        chosen = sets.recordings(self.corpus, sets.pick(self.corpus, "test", self.most))
        return resynthesis("held_out", chosen, self._panel_of("held_out", chosen), variants(self.codec, chosen, False))

    def temperature(self) -> Task[tuple[str, Recording]]:
        """The judge on what comes back when the flow starts from more or less noise, or does not run.

        On dev utterances: a constant is never chosen on the test set.
        """
        chosen = sets.recordings(self.corpus, sets.pick(self.corpus, "dev", 120))
        codecs = {name: Codec(self.codec.weights, sampling) for name, sampling in FLOW_STARTS.items()}
        panel = self._panel_of("temperature", chosen)
        return flow_noise(chosen, panel, codecs, lambda codec: variants(codec, chosen, False))

    def known_voices(self) -> Task[Recording]:
        """Held-out sentences and word lists by known voices, judged; a longer word list, so harder."""
        chosen = sets.recordings(self.corpus, sets.pick(self.corpus, "dev", self.most or 90))
        made = variants(self.codec, chosen, True)
        return resynthesis("known_voices", chosen, self._panel_of("known_voices", chosen), made)

    def real_people(self) -> Task[Recording]:
        """Real people, the dev split, judged."""
        chosen = sets.recordings(self.people, sets.pick(self.people, "dev", self.most or 240))
        made = variants(self.codec, chosen, True)
        return resynthesis("people", chosen, self._panel_of("people", chosen), made, minutes=True)

    def ctc(self) -> Task[Recording]:
        """Phones recognised from the codes: people beside the teachers, by origin."""
        chosen: list[Recording] = []
        for name, folder, split in (
            ("teachers, held-out voices and sentences", self.corpus, "test"),
            ("teachers, known voices, held-out texts", self.corpus, "dev"),
            ("people, dev", self.people, "dev"),
        ):
            rows = sets.pick(folder, split, self.most)
            chosen += sets.recordings(folder, rows, sets.origin_of, set=name, phones=True)
        return phone_errors(self.codec, chosen)

    def outside(self) -> Task[Recording]:
        """The digits of two speakers and the long sentence of 1961."""
        every = 10 if self.most is None else 50
        chosen = [*sets.digits(self.recordings, every, RATE_HZ), sets.long_sentence(self.recordings, RATE_HZ)]
        panels = {"digits": self._panel("digits", DIGITS), "speech": self._panel("speech", [sets.LONG_SENTENCE])}
        return outside(self.codec, chosen, panels, {word: pronounce(word) or () for word in DIGITS})

    def vocoder(self) -> Task[Recording]:
        """The vocoder alone on held-out voices and on people."""
        chosen: list[Recording] = []
        for name, folder, split in (("teachers", self.corpus, "test"), ("people", self.people, "dev")):
            chosen += sets.recordings(folder, sets.pick(folder, split, self.most or 90), set=name)
        return vocoder_stoi(self.codec, chosen)

    def pitch(self) -> Task[tuple[Recording, Recording]]:
        """F0 of training voices, of espeak-ng every eighth utterance."""
        rows = sets.pick(self.corpus, "dev")
        chosen = [row for row in rows if row.duration_s > 1.5 and row.engine != "espeak"]
        chosen += [row for row in rows if row.engine == "espeak"][::8]
        return pitch(self.codec, sets.recordings(self.corpus, chosen[:: max(1, len(chosen) // (self.most or 80))]))

    def cloning(self) -> Task[Speaker]:
        """Clones of held-out voices, of people never trained on, and of training voices."""
        trained = {row.speaker for row in read_manifest(self.people) if row.split == "train"}
        pools = {
            "held-out engine voices": (self.corpus, sets.pick(self.corpus, "test", 60)),
            "people never trained on": (
                self.people,
                [row for row in sets.pick(self.people, "dev") if row.speaker not in trained],
            ),
            "training voices": (
                self.corpus,
                [row for row in sets.pick(self.corpus, "dev") if row.warp is None][:60],
            ),
        }
        found: list[Speaker] = []
        for name, (folder, rows) in pools.items():
            found += speakers(name, sets.recordings(folder, rows))
        return cloning(self.codec, found, SpeakerSimilarity(), tuple(pools))

    def codebooks(self) -> Task[Any]:
        """The use of the codes over all splits, and of other sounds."""
        chosen: list[Recording] = []
        for folder, split, most in (
            (self.corpus, "train", 700),
            (self.corpus, "dev", None),
            (self.corpus, "test", None),
            (self.people, "dev", None),
        ):
            chosen += sets.recordings(folder, sets.pick(folder, split, most if self.most is None else self.most))
        return codebooks(self.codec, chosen)

    def _panel(self, name: str, texts: Iterable[str]) -> Panel:
        """The judges told the words of texts, with their answers kept under a name."""
        path = self.cache / f"{name}.jsonl"
        return Panel.of_texts([CachedTranscriber(judge, path) for judge in self.judges], texts)

    def _panel_of(self, name: str, chosen: Sequence[Recording]) -> Panel:
        return self._panel(name, (each.text for each in chosen))
