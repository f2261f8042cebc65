"""The measurements, one function each; every one returns plain numbers for `numbers/NAME.json`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from chain import RATE_HZ, Chain, Item, RememberingJudge, items, reference, words

from roundelay.console import progress
from roundelay.voice.audio import Audio
from roundelay.voice.data.grammar import DIGITS
from roundelay.voice.data.phones import plain
from roundelay.voice.eval.metrics.error_rate import Errors, word_errors
from roundelay.voice.eval.metrics.signal import code_use, median_pitch, stoi
from roundelay.voice.eval.metrics.similarity import VoiceJudge, cosine
from roundelay.voice.text.pronunciations import pronounce
from roundelay.voice.tokenizer.phone_recognizer import PhoneRecognizer
from roundelay.voice.vocab import VOCAB

Numbers = dict[str, Any]
SPEECH_OF_1961 = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)


@dataclass(frozen=True)
class Place:
    """Where the run finds its sets and keeps the judge's answers; `most` bounds each set (None: all)."""

    chain: Chain
    corpus: Path
    people: Path
    recordings: Path
    memory: Path
    most: int | None = None


def _judged(place: Place, name: str, chosen: list[Item], made: dict[str, Callable[[Item], Audio | None]]) -> Numbers:
    """Word error rates by engine (and over all of them) of each way of making the sound."""
    judge = RememberingJudge(words(chosen), place.memory / f"{name}.json")
    sums: dict[str, dict[str, Errors]] = {way: defaultdict(lambda: Errors(0, 0)) for way in made}
    for item in progress(chosen, name, len(chosen)):
        for way, make in made.items():
            audio = make(item)
            if audio is not None:
                found = judge.errors(item.row.text, audio)
                for group in (item.row.engine, "all"):
                    sums[way][group] = sums[way][group] + found
    judge.save()
    return {way: {k: round(100 * v.rate, 2) for k, v in by.items()} for way, by in sums.items()} | {
        "words": {k: v.total for k, v in sums["original"].items()},
        "utterances": len(chosen),
    }


def _ways(place: Place, chosen: list[Item]) -> dict[str, Callable[[Item], Audio | None]]:
    chain, kept = place.chain, {}

    def cloned(item: Item) -> Audio | None:
        other = reference(chosen, item)
        if other is None:
            return None
        if item.row.speaker not in kept:
            kept[item.row.speaker] = chain.encoder.embed(other.audio)
        return chain.resynth(item.audio, kept[item.row.speaker])

    return {
        "original": lambda item: item.audio,
        "vocoder": lambda item: chain.vocoded(item.audio),
        "cloned": cloned,
        "built-in": lambda item: chain.resynth(item.audio, None),
    }


def held_out(place: Place) -> Numbers:
    """Sentences and voices held out from training, judged."""
    chosen = items(place.corpus, "test", place.most)
    return _judged(place, "held_out", chosen, _ways(place, chosen))


def temperature(place: Place) -> Numbers:
    """The judge on what comes back when the flow starts from more or less noise, or (prior) does not run."""
    from roundelay.voice.decoder import flow

    chosen = items(place.corpus, "dev", 120)  # a constant is chosen on dev, never on the test set
    ways = _ways(place, chosen)
    shipped, numbers = (flow.STEPS, flow.TEMPERATURE), {}
    for steps, noise in ((0, 0.0), (4, 0.0), (4, 0.3), (4, 0.7)):
        flow.STEPS, flow.TEMPERATURE = steps, noise
        found = _judged(place, "temperature", chosen, {"original": ways["original"], "cloned": ways["cloned"]})
        numbers[f"noise {noise}" if steps else "prior alone"] = found["cloned"]
    flow.STEPS, flow.TEMPERATURE = shipped
    return numbers


def known_voices(place: Place) -> Numbers:
    """Held-out sentences and word lists by known voices, judged; a longer word list, so harder."""
    chosen = items(place.corpus, "dev", place.most or 90)
    encoder = place.chain.encoder
    ways = _ways(place, chosen)
    ways["cloned"] = lambda item: place.chain.resynth(item.audio, encoder.embed(item.audio))
    return _judged(place, "known_voices", chosen, ways)


def people(place: Place) -> Numbers:
    """Real people, the dev split: judged, and read by the CTC heads beside the teachers' figure."""
    chosen = items(place.people, "dev", place.most or 240)
    encoder = place.chain.encoder
    ways = _ways(place, chosen)
    ways["cloned"] = lambda item: place.chain.resynth(item.audio, encoder.embed(item.audio))
    numbers = _judged(place, "people", chosen, ways)
    numbers["minutes"] = round(sum(item.row.duration_s for item in chosen) / 60, 1)
    return numbers


def ctc(place: Place) -> Numbers:
    """Phone error of greedy CTC on either codebook and on both: people beside the teachers, by origin."""
    recognizer, tokenizer = PhoneRecognizer.load(place.chain.weights), place.chain.tokenizer
    sets = {
        "teachers, held-out voices and sentences": (place.corpus, "test"),
        "teachers, known voices, held-out texts": (place.corpus, "dev"),
        "people, dev": (place.people, "dev"),
    }
    numbers: Numbers = {}
    for name, (folder, split) in sets.items():
        sums: dict[str, list[Errors]] = defaultdict(lambda: [Errors(0, 0)] * 3)
        chosen = items(folder, split, place.most)
        for item in progress(chosen, name, len(chosen)):
            said = _phones(item)
            if not said:
                continue  # a word that the lexicon lacks
            read = recognizer.phones_by_codebook(tokenizer.encode(item.audio))
            for group in (_origin(item), "all"):
                sums[group] = [
                    old + word_errors(said, " ".join(found)) for old, found in zip(sums[group], read, strict=True)
                ]
        numbers[name] = {
            group: {
                "linguistic": round(100 * a.rate, 1),
                "semantic": round(100 * b.rate, 1),
                "both": round(100 * c.rate, 1),
                "phones": a.total,
            }
            for group, (a, b, c) in sums.items()
        }
    return numbers


def _phones(item: Item) -> str:
    """The phones of an utterance, by its teacher or by the lexicon."""
    if item.row.phones:
        return " ".join(p for p in (plain(symbol) for symbol, _, _ in item.row.phones) if p)
    return " ".join(pronounce(item.row.text) or [])


def _origin(item: Item) -> str:
    """Whose words these are, for a table: the engine, or the collection and the kind of clip."""
    row = item.row
    return row.engine if row.engine != "human" else f"{row.engine_version.split('/')[-1]}, {row.kind}"


def recordings(place: Place) -> Numbers:
    """The digits of two speakers and the long sentence of 1961, resynthesised and judged."""
    chain, recognizer, folder = place.chain, PhoneRecognizer.load(place.chain.weights), place.recordings
    names = list(DIGITS)
    spelt = {name: " ".join(pronounce(name) or []) for name in names}
    judge = RememberingJudge(set(names), place.memory / "digits.json")
    sums = {"original": Errors(0, 0), "resynthesised": Errors(0, 0), "ctc nearest word": Errors(0, 0)}
    paths = sorted((folder / "fsdd").rglob("*.wav"))[:: 10 if place.most is None else 50]
    for path in progress(paths, "digits", len(paths)):
        audio, said = Audio.read(path, RATE_HZ), names[int(path.name[0])]
        made = chain.resynth(audio, chain.encoder.embed(audio))
        sums["original"] += judge.errors(said, audio)
        sums["resynthesised"] += judge.errors(said, made)
        read = " ".join(recognizer.phones_by_codebook(chain.tokenizer.encode(audio))[2])
        nearest = min(names, key=lambda name: word_errors(spelt[name], read).rate)
        sums["ctc nearest word"] += word_errors(said, nearest)
    judge.save()
    text = SPEECH_OF_1961
    speech = Audio.read(folder / "jfk.flac", RATE_HZ)
    long_judge = RememberingJudge(set(text.split()), place.memory / "speech.json")
    made = chain.resynth(speech, chain.encoder.embed(speech))
    read, said = recognizer.phones_by_codebook(chain.tokenizer.encode(speech)), " ".join(pronounce(text) or [])
    result = {
        "digits": {name: round(100 * e.rate, 1) for name, e in sums.items()} | {"clips": len(paths)},
        "speech": {
            "original": round(100 * long_judge.errors(text, speech).rate, 1),
            "resynthesised": round(100 * long_judge.errors(text, made).rate, 1),
            "ctc linguistic": round(100 * word_errors(said, " ".join(read[0])).rate, 1),
            "ctc semantic": round(100 * word_errors(said, " ".join(read[1])).rate, 1),
            "ctc both": round(100 * word_errors(said, " ".join(read[2])).rate, 1),
            "read": " ".join(read[2]),
        },
    }
    long_judge.save()
    return result


def vocoder(place: Place) -> Numbers:
    """STOI of the vocoder alone, and of Griffin-Lim, on held-out voices and on people."""
    numbers: Numbers = {}
    for name, folder, split in (("teachers", place.corpus, "test"), ("people", place.people, "dev")):
        sums: dict[str, list[tuple[float, float]]] = defaultdict(list)
        chosen = [item for item in items(folder, split, place.most or 90) if item.row.duration_s > 1.0]
        for item in progress(chosen, f"stoi {name}", len(chosen)):
            pair = (
                stoi(item.audio, place.chain.vocoded(item.audio)),
                stoi(item.audio, place.chain.griffin_lim(item.audio)),
            )
            sums[item.row.engine].append(pair)
            sums["all"].append(pair)
        numbers[name] = {
            group: dict(zip(("vocoder", "griffin-lim"), np.round(np.mean(pairs, axis=0), 3).tolist(), strict=True))
            for group, pairs in sums.items()
        }
    return numbers


def pitch(place: Place) -> Numbers:
    """Median F0 of what is decoded against the reference voice's: training voices, own and other words."""
    chain = place.chain
    chosen = [item for item in items(place.corpus, "dev") if item.row.duration_s > 1.5 and item.row.engine != "espeak"]
    chosen += [item for item in items(place.corpus, "dev") if item.row.engine == "espeak"][::8]
    chosen = chosen[:: max(1, len(chosen) // (place.most or 80))]
    rows: dict[str, list[float]] = {"own words": [], "another's words": []}
    for k, item in enumerate(progress(chosen, "pitch", len(chosen))):
        target, vector = median_pitch(item.audio), chain.encoder.embed(item.audio)
        other = chosen[(k + len(chosen) // 2) % len(chosen)]
        for name, source in (("own words", item), ("another's words", other)):
            rows[name].append(median_pitch(chain.resynth(source.audio, vector)) / target - 1)
    return {
        name: {
            "median deviation %": round(100 * float(np.nanmedian(np.abs(values))), 2),
            "within 5 %": round(100 * float(np.mean(np.abs(values) < 0.05)), 1),
            "median ratio": round(1 + float(np.nanmedian(values)), 3),
            "voices": len(values),
        }
        for name, values in rows.items()
    }


def cloning(place: Place) -> Numbers:
    """Resemblyzer's cosine of a clone with its target, between the speaker's own and a stranger's."""
    judge, chain = VoiceJudge(), place.chain
    pools = {
        "held-out engine voices": items(place.corpus, "test", 60),
        "people never trained on": _strangers(place),
        "training voices": [item for item in items(place.corpus, "dev") if item.row.warp is None][:60],
    }
    numbers: Numbers = {}
    for name, pool in pools.items():
        by: dict[str, list[Item]] = defaultdict(list)
        for item in pool:
            if item.row.duration_s > 1.2:
                by[item.row.speaker].append(item)
        voices = {who: group[:8] for who, group in by.items() if len(group) >= 4}
        sums: dict[str, list[float]] = defaultdict(list)
        order = sorted(voices)
        for k, who in enumerate(progress(order, f"cloning {name}", len(order))):
            given, kept = voices[who][:2], voices[who][2:]
            target = judge.embed(*(item.audio for item in kept))
            joined = Audio(np.concatenate([item.audio.samples for item in given]), RATE_HZ)
            vector = chain.encoder.embed(joined)
            stranger = voices[order[(k + 1) % len(order)]] if len(order) > 1 else None
            sums["the speaker himself"].append(cosine(judge.embed(joined), target))
            own = judge.embed(*(chain.resynth(item.audio, vector) for item in given))
            sums["clone, own words"].append(cosine(own, target))
            if stranger is not None:
                crossed = judge.embed(*(chain.resynth(item.audio, vector) for item in stranger[:3]))
                sums["clone, a stranger's words"].append(cosine(crossed, target))
                sums["the stranger himself"].append(cosine(judge.embed(*(i.audio for i in stranger[:3])), target))
        numbers[name] = {way: round(float(np.mean(values)), 3) for way, values in sums.items()} | {"voices": len(order)}
    return numbers


def _strangers(place: Place) -> list[Item]:
    from roundelay.voice.data.manifest import read_manifest

    trained = {row.speaker for row in read_manifest(place.people) if row.split == "train"}
    return [item for item in items(place.people, "dev") if item.row.speaker not in trained]


def codebooks(place: Place) -> Numbers:
    """Entries used and perplexity over speech, and what silence, noise and music give."""
    chain = place.chain
    speech: list[tuple[np.ndarray, np.ndarray]] = []
    sets = [(place.corpus, "train", 700), (place.corpus, "dev", None), (place.corpus, "test", None)]
    for folder, split, most in [*sets, (place.people, "dev", None)]:
        chosen = items(folder, split, most if place.most is None else place.most)
        speech += [chain.tokenizer.encode(i.audio).split() for i in progress(chosen, f"codes {split}", len(chosen))]
    numbers: Numbers = {"speech": _uses(speech)}
    for name, audio in _other_sounds().items():
        tokens = chain.tokenizer.encode(audio)
        made = chain.decoder.decode(tokens, None)
        level = 20 * np.log10(max(float(np.sqrt(np.mean(made.samples**2))), 1e-6))
        numbers[name] = _uses([tokens.split()]) | {"decoded level dBFS": round(level, 1)}
    return numbers


def _uses(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Numbers:
    numbers = {}
    for k, (name, size) in enumerate((("linguistic", VOCAB.linguistic), ("semantic", VOCAB.semantic))):
        use = code_use(np.concatenate([pair[k] for pair in pairs]), size)
        numbers[name] = {
            "used": use.used,
            "used %": round(100 * use.share, 1),
            "perplexity": round(use.perplexity, 1),
            "codes": use.codes,
        }
    return numbers


def _other_sounds(seconds: float = 20.0) -> dict[str, Audio]:
    """Silence, white and pink noise, and a tune of plucked chords, all made here."""
    rng, count = np.random.default_rng(7), round(seconds * RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(count)) / np.sqrt(np.maximum(np.arange(count // 2 + 1), 20))
    pink = np.fft.irfft(spectrum, count)
    tune, beat = np.zeros(count), RATE_HZ // 3
    time = np.arange(beat * 2) / RATE_HZ
    for at in range(0, count - 2 * beat, beat):
        root = 110 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 12]) / 12)
        for ratio in (1.0, 1.26, 1.5):
            for k in range(1, 8):
                tune[at : at + 2 * beat] += np.sin(2 * np.pi * root * ratio * k * time) / k * np.exp(-3 * time)
    sounds = {"silence": np.zeros(count), "white noise": 0.1 * rng.standard_normal(count)}
    sounds |= {"pink noise": 0.3 * pink / np.abs(pink).max(), "music": 0.5 * tune / np.abs(tune).max()}
    return {name: Audio.from_array(wave, RATE_HZ) for name, wave in sounds.items()}


SECTIONS: dict[str, Callable[[Place], Numbers]] = {
    each.__name__: each
    for each in (
        held_out,
        temperature,
        known_voices,
        people,
        ctc,
        recordings,
        vocoder,
        pitch,
        cloning,
        codebooks,
    )
}
