"""The codec's page: each target with what was measured and a verdict, then the tables."""

from __future__ import annotations

from roundelay.voice.eval.judges import JUDGES, NOTE, column
from roundelay.voice.eval.report import Cells, Found, table, verdict
from roundelay.voice.eval.tasks.task import Numbers

SPEED_LIMITS = (
    ("tokenizer real-time factor", 0.15, ""),
    ("tokens to waveform real-time factor", 0.15, ""),
    ("first chunk of a stream, ms", 120.0, " ms"),
    ("resident memory, MB", 500.0, " MB"),
)


def body(found: Found) -> str:
    """The page between its head and its notes; what was not measured is left out."""
    parts = ["## Targets\n", table(("what", "target", "measured", "verdict"), _targets(found))]
    parts += [_words(found), _stoi(found), _pitch(found), _cloning(found), _codebooks(found), _people(found)]
    return "\n".join(part for part in parts if part)


def _targets(found: Found) -> list[Cells]:
    rows: list[Cells] = []
    if held := found.get("held_out"):
        rows += [_held_out(held, engine) for engine in ("flite", "festival", "espeak") if engine in held["cloned"]]
    if voc := found.get("vocoder"):
        value = voc["teachers"]["all"]["vocoder"]
        rows.append(("STOI of the vocoder alone", "≥ 0.95", value, verdict(value, 0.95, at_most=False)))
    if pitch := found.get("pitch"):
        rows.append(_pitch_target(pitch["own words"]))
    if books := found.get("codebooks"):
        for name in ("linguistic", "semantic"):
            use = books["speech"][name]
            text = f"{use['used %']} %, perplexity {use['perplexity']}"
            outcome = verdict(use["used %"], 60, " points", at_most=False)
            rows.append((f"entries used, {name}", "≥ 60 %", text, outcome))
        rows += [_other_sound(books, name) for name in ("silence", "white noise", "pink noise", "music")]
    speed = found.get("speed", {})
    for name, limit, unit in SPEED_LIMITS:
        if name in speed:
            rows.append((f"{name} (one core)", f"under {limit:g}", speed[name], verdict(speed[name], limit, unit)))
    return rows


def _held_out(held: Numbers, engine: str) -> Cells:
    own, made = held["original"][engine], held["cloned"][engine]
    outcome, loss = verdict(made, own + 5, " points"), made - held["vocoder"][engine]
    if outcome == "met" and loss > 5:
        outcome = f"met against the recording, but {loss:.1f} points above the vocoder alone"
    return (
        f"word errors, {engine}, held out",
        f"≤ {own + 5:.1f} % (teacher {own:.1f} + 5)",
        f"{made:.1f} %",
        outcome,
    )


def _pitch_target(pitch: Numbers) -> Cells:
    value, share = pitch["median deviation %"], pitch["within 5 %"]
    outcome = verdict(value, 5, " %")
    if share < 99:
        outcome = f"{outcome}, but missed by {100 - share:.0f} % of utterances"
    return (
        "F0 of the reference voice, training voices",
        "within 5 %",
        f"median {value} % off; {share} % of utterances within",
        outcome.replace("met,", "met in the median,"),
    )


def _other_sound(books: Numbers, name: str) -> Cells:
    """Silence must be decoded as silence; any other sound must not be one code."""
    used = {book: books[name][book]["used"] for book in ("linguistic", "semantic")}
    level = books[name]["decoded level dBFS"]
    if name == "silence":
        outcome = "met" if level < -40 else f"**missed**: {level} dBFS of sound out of silence"
        return "silence stays silence", "decoded below -40 dBFS", f"{level} dBFS", outcome
    outcome = "met" if min(used.values()) > 1 else "**missed**: one code"
    text = f"{used['linguistic']} and {used['semantic']} codes"
    return f"no collapse on {name}", "more than one code", text, outcome


def _words(found: Found) -> str:
    names = {
        "held_out": "held-out voices and sentences",
        "known_voices": "training voices, held-out texts",
        "people": "people, dev split",
    }
    rows: list[Cells] = []
    for key, title in names.items():
        one = found.get(key, {})
        for group in [g for g in ("flite", "festival", "espeak", "human", "all") if g in one.get("original", {})]:
            if group == "all" and key == "people":
                continue
            rows += [(title, group, one["words"][group], *line) for line in _judged(one, group)]
    text = ""
    if "temperature" in found:
        text = "\n## The flow's starting noise (judge's word error rate, %, 120 dev utterances)\n\n"
        lines = [
            (name, *(one[g] for g in ("flite", "festival", "espeak", "all")))
            for name, one in found["temperature"].items()
        ]
        text += table(("start", "flite", "festival", "espeak", "all"), lines)
    text += "\n## Words, judged (word error rate, %)\n\n"
    text += "“Cloned”: in the voice of another utterance of the speaker (held out), or of the same one;\n"
    text += "“built-in”: in the package's first voice.\n\n" + NOTE + "\n"
    return text + table(("set", "voices", "words", "judge", "original", "vocoder alone", "cloned", "built-in"), rows)


def _judged(numbers: Numbers, group: str) -> list[Cells]:
    """A line for each judge who was asked: its name, and its word error rates."""
    paths = ("original", "vocoder", "cloned", "built-in")
    return [
        (name, *(f"{numbers[column(path, name)].get(group, float('nan')):.1f}" for path in paths))
        for name in JUDGES
        if column("original", name) in numbers
    ]


def _stoi(found: Found) -> str:
    if "vocoder" not in found:
        return ""
    rows = [
        (name, group, one["vocoder"], one["griffin-lim"])
        for name, groups in found["vocoder"].items()
        for group, one in groups.items()
    ]
    return "\n## STOI of the vocoder alone\n\n" + table(("set", "voices", "vocoder", "Griffin-Lim"), rows)


def _pitch(found: Found) -> str:
    if "pitch" not in found:
        return ""
    keys = ("median deviation %", "within 5 %", "median ratio", "voices")
    rows = [(name, *(one[key] for key in keys)) for name, one in found["pitch"].items()]
    head = ("content", "median deviation %", "share within 5 % (%)", "median ratio", "utterances")
    return "\n## F0 against the reference voice (training voices)\n\n" + table(head, rows)


def _cloning(found: Found) -> str:
    if "cloning" not in found:
        return ""
    columns = ("the speaker himself", "clone, own words", "clone, a stranger's words", "the stranger himself")
    rows = [
        (name, one["voices"], *(one.get(column, "–") for column in columns)) for name, one in found["cloning"].items()
    ]
    text = "\n## Cloning, judged by resemblyzer (cosine with the target's other recordings)\n\n"
    return text + table(("voices", "how many", *columns), rows)


def _codebooks(found: Found) -> str:
    if "codebooks" not in found:
        return ""
    rows = [
        (sound, name, one[name]["codes"], one[name]["used"], one[name]["used %"], one[name]["perplexity"])
        for sound, one in found["codebooks"].items()
        for name in ("linguistic", "semantic")
    ]
    return "\n## Codebooks\n\n" + table(("sound", "codebook", "codes", "entries", "%", "perplexity"), rows)


def _people(found: Found) -> str:
    text = ""
    if "ctc" in found:
        rows = [
            (name, group, one["phones"], one["linguistic"], one["semantic"], one["both"])
            for name, groups in found["ctc"].items()
            for group, one in groups.items()
        ]
        text += "\n## Phones read from the codes alone (greedy CTC, phone error rate, %)\n\n"
        text += table(("set", "voices", "phones", "linguistic", "semantic", "both"), rows)
    if "recordings" in found:
        digits, speech = found["recordings"]["digits"], found["recordings"]["speech"]
        text += "\n## People outside the corpus\n\n"
        readings: list[Cells] = [
            (f"digits, {digits['clips']} clips", *_reading(digits, "original", JUDGES[0])),
            *_readings(digits),
            ("", "nearest word to the CTC reading", digits["ctc nearest word"]),
            ("the long sentence of 1961", *_reading(speech, "original", JUDGES[0])),
            *_readings(speech),
            (
                "",
                "phones, linguistic / semantic / both",
                f"{speech['ctc linguistic']} / {speech['ctc semantic']} / {speech['ctc both']}",
            ),
        ]
        text += table(("recording", "reader", "errors %"), readings)
        text += f"\nRead from its codes: “{speech['read']}”\n"
    return text


def _reading(numbers: Numbers, what: str, judge: str) -> tuple[str, object]:
    return f"{judge}, {what}", numbers[column(what, judge)]


def _readings(numbers: Numbers) -> list[Cells]:
    """The rows of the judges behind the first one's original."""
    places = [(what, name) for name in JUDGES for what in ("original", "resynthesised")][1:]
    return [("", *_reading(numbers, what, name)) for what, name in places if column(what, name) in numbers]
