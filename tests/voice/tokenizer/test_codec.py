"""The codec: streaming equals offline, memory apart from weights, silence is silence, errors in one line."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from roundelay.errors import BadInput, RoundelayError
from roundelay.voice.audio import Audio
from roundelay.voice.decoder import griffinlim
from roundelay.voice.decoder.source import pitch_of, pulses
from roundelay.voice.decoder.stream import AHEAD_MS, Decoder
from roundelay.voice.decoder.vocoder import SourceState, filter_source
from roundelay.voice.decoder.voices import registry, vector_of
from roundelay.voice.graphs import PACKAGED, DamagedWeightsError, manifest
from roundelay.voice.tokenizer import frontend
from roundelay.voice.tokenizer.dual import GROUP_SAMPLES, Tokenizer
from roundelay.voice.tokenizer.phone_recognizer import PHONES, PhoneRecognizer, onsets
from roundelay.voice.tokens import Tokens
from roundelay.voice.voices import Voice

SAME = 1e-5  # the stated tolerance between streaming and offline, of full scale


def speech_like(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """Vowel-like sound with a moving pitch and pauses: no teacher needed."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * 16_000)) / 16_000
    pitch = 120 + 30 * np.sin(2 * np.pi * 1.3 * time) + 10 * rng.standard_normal()
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    sound = sum(np.sin(k * phase) / k for k in range(1, 20))
    sound = sound * (np.sin(2 * np.pi * 2 * time) > -0.5) + 0.02 * rng.standard_normal(len(time))
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.load()


@pytest.fixture(scope="module")
def mouth() -> Decoder:
    return Decoder.load()


@pytest.fixture(scope="module")
def tokens(tokenizer) -> Tokens:
    return tokenizer.encode(Audio(speech_like(), 16_000))


def test_mel_frames_arrive_one_by_one_as_they_do_at_once():
    sound = speech_like()
    stream = frontend.LogMelStream()
    parts = [stream.push(piece) for piece in np.array_split(sound, 41)]
    np.testing.assert_allclose(np.concatenate(parts), frontend.log_mel(sound), atol=1e-4)


def test_mel_is_causal():
    sound, other = speech_like(), speech_like()
    other[8_000:] = 0
    np.testing.assert_array_equal(frontend.log_mel(sound)[:50], frontend.log_mel(other)[:50])


def test_each_mel_band_holds_sound_and_sums_to_one():
    bank = frontend.filterbank()
    assert bank.shape == (321, 80)
    np.testing.assert_allclose(bank.sum(0), 1, atol=1e-5)
    assert ((bank > 0).sum(0) >= 2).all()


@pytest.mark.parametrize("pieces", [2, 13, 400])
def test_streamed_tokens_equal_offline_tokens(tokenizer, tokens, pieces):
    stream = tokenizer.stream()
    parts = [stream.push(piece) for piece in np.array_split(speech_like(), pieces)]
    np.testing.assert_array_equal(Tokens.empty().join(*parts, stream.finish()).ids, tokens.ids)


def test_tokens_wait_for_no_more_than_the_stated_look_ahead(tokenizer):
    stream = tokenizer.stream()
    assert not len(stream.push(np.zeros(GROUP_SAMPLES + 79 * 16, np.float32)))
    assert stream.push(np.zeros(16, np.float32)).groups == 1


def test_a_second_stream_knows_nothing_of_the_first(tokenizer, tokens):
    first, second = tokenizer.stream(), tokenizer.stream()
    first.push(speech_like(seed=1))
    parts = [second.push(speech_like()), second.finish()]
    np.testing.assert_array_equal(parts[0].join(parts[1]).ids, tokens.ids)


@pytest.mark.parametrize("seconds", [0.001, 0.12, 0.1201, 1.0, 31.0])
def test_every_120_ms_begun_gives_one_group(tokenizer, seconds):
    samples = round(seconds * 16_000)
    assert tokenizer.encode(Audio(np.zeros(samples, np.float32), 16_000)).groups == -(-samples // 1920)


@pytest.mark.parametrize("size", [1, 5, 15, 35])
def test_streamed_sound_equals_offline_sound(mouth, tokens, size):
    whole = mouth.decode(tokens).samples
    stream = mouth.stream()
    parts = [stream.push(tokens.ids[at : at + size]) for at in range(0, len(tokens), size)]
    made = np.concatenate([*parts, stream.finish()])
    assert len(made) == len(whole) == tokens.groups * GROUP_SAMPLES
    np.testing.assert_allclose(made, whole, atol=SAME)


def test_the_first_group_already_sounds(mouth, tokens):
    assert AHEAD_MS == 110
    assert len(mouth.stream().push(tokens.ids[:5])) == (120 - AHEAD_MS) * 16


def test_decoding_is_deterministic_and_voices_differ(mouth, tokens):
    first, second, *_ = registry()
    one = mouth.decode(tokens, Voice(first)).samples
    np.testing.assert_array_equal(one, mouth.decode(tokens, Voice(first)).samples)
    assert np.abs(one - mouth.decode(tokens, Voice(second)).samples).max() > 0.01


def test_silence_stays_silence(tokenizer, mouth):
    tokens = tokenizer.encode(Audio(np.zeros(16_000, np.float32), 16_000))
    sound = mouth.decode(tokens).samples
    assert np.sqrt((sound**2).mean()) < 0.003


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
def test_other_rates_stream(tokenizer, rate):
    sound = Audio(speech_like(), 16_000).resample(rate)
    stream = tokenizer.stream(rate)
    parts = [stream.push(piece) for piece in np.array_split(sound.samples, 9)]
    made = Tokens.empty().join(*parts, stream.finish())
    assert abs(made.groups - tokenizer.encode(sound).groups) <= 1


def test_a_finished_or_bad_stream_says_so_and_changes_nothing(tokenizer, mouth, tokens):
    stream = tokenizer.stream()
    with pytest.raises(BadInput, match="finite"):
        stream.push(np.array([np.nan], np.float32))
    parts = [stream.push(speech_like()), stream.finish()]
    np.testing.assert_array_equal(parts[0].join(parts[1]).ids, tokens.ids)
    with pytest.raises(BadInput, match="open another"):
        stream.push(np.zeros(5, np.float32))
    speaking = mouth.stream()
    first = speaking.push(tokens.ids[:5])
    with pytest.raises(BadInput, match="must be a"):
        speaking.push(tokens.ids[1:3])
    rest = np.concatenate([first, speaking.push(tokens.ids[5:]), speaking.finish()])
    np.testing.assert_allclose(rest, mouth.decode(tokens).samples, atol=SAME)
    with pytest.raises(BadInput, match="open another"):
        speaking.push(tokens.ids[:5])


def test_voices_by_name_vector_recording(tmp_path, mouth, tokens):
    name, vector = next(iter(registry().items()))
    assert np.linalg.norm(vector_of(Voice(name))) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(vector_of(Voice(vector=5 * vector)), vector, atol=1e-4)
    Audio(speech_like(), 16_000).write(tmp_path / "ref.wav")
    assert vector_of(Voice.from_recording(tmp_path / "ref.wav")).shape == (192,)
    with pytest.raises(BadInput, match=name):
        mouth.decode(tokens, Voice("nobody-at-all"))
    for bad in (np.zeros(192), np.ones(3), np.full(192, np.nan)):
        with pytest.raises(BadInput, match="vector"):
            vector_of(Voice(vector=bad))
    with pytest.raises(BadInput, match="none"):
        mouth.decode(Tokens.empty())


def test_ears_read_phones_of_both_codebooks(tokens):
    for read in PhoneRecognizer.load().phones_by_codebook(tokens):
        assert set(read) <= set(PHONES)
    assert PhoneRecognizer.load().phones_by_codebook(Tokens.empty()) == ([], [], [])


def test_the_listener_gives_chances_of_every_step_and_onsets_of_what_it_reads(tokens):
    logs = PhoneRecognizer.load().recognize(tokens)
    assert logs.shape == (6 * tokens.groups, 1 + len(PHONES)) and logs.dtype == np.float32
    np.testing.assert_allclose(np.exp(logs).sum(1), 1, atol=1e-3)
    found = onsets(logs)
    assert [phone for phone, _ in found] == PhoneRecognizer.load().phones_by_codebook(tokens)[2]
    groups = [group for _, group in found]
    assert groups == sorted(groups) and all(0 <= group < tokens.groups for group in groups)
    assert PhoneRecognizer.load().recognize(Tokens.empty()).shape == (0, 1 + len(PHONES))


def test_damaged_weights_are_one_clear_line(tmp_path):
    folder = tmp_path / "weights"
    shutil.copytree(PACKAGED, folder)
    data = bytearray((folder / "tokenizer.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "tokenizer.onnx").write_bytes(data)
    with pytest.raises(DamagedWeightsError, match=r"tokenizer\.onnx is damaged"):
        Tokenizer.load(folder)
    (folder / "prior.onnx").write_bytes((folder / "prior.onnx").read_bytes()[:1000])
    with pytest.raises(DamagedWeightsError, match=r"prior\.onnx is damaged"):
        Decoder.load(folder)
    (folder / "flow.onnx").unlink()
    for text in ("{", "[]", '{"files": 3}'):
        (folder / "manifest.json").write_text(text)
        with pytest.raises(RoundelayError, match=r"manifest\.json"):
            PhoneRecognizer.load(folder)


def test_weights_are_light_and_their_sums_right():
    files = manifest()["files"]
    assert {"tokenizer.onnx", "phone_recognizer.onnx", "prior.onnx", "flow.onnx", "vocoder.onnx", "speaker.onnx"} < set(
        files
    )
    assert all(entry["bytes"] < 16_000_000 for entry in files.values())
    assert sum(entry["bytes"] for entry in files.values()) < 40_000_000


def test_pulses_go_on_where_they_stopped():
    f0 = np.random.default_rng(0).uniform(60, 400, (1, 40))
    whole, _ = pulses(f0, f0[:, 0], np.zeros(1))
    phase, before, parts = np.zeros(1), f0[:, 0], []
    for piece in np.array_split(f0, 7, 1):
        made, phase = pulses(piece, before, phase)
        before = piece[:, -1]
        parts.append(made)
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-4)
    assert (whole**2).mean() == pytest.approx(1, rel=0.1)


def test_pulses_have_the_pitch_they_were_given():
    train, _ = pulses(np.full((1, 200), 200.0), np.array([200.0]), np.zeros(1))
    spectrum = np.abs(np.fft.rfft(train[0, -16_000:]))
    peaks = np.flatnonzero(spectrum > 0.3 * spectrum.max())
    assert set(peaks) == set(range(200, 7_601, 200))


def test_pitch_lies_between_its_classes():
    logits = np.full((1, 100), -9.0)
    logits[0, [40, 41]] = 3.0
    low, high = (pitch_of(np.eye(100)[[at]] * 50)[0] for at in (40, 41))
    assert low < pitch_of(logits)[0] < high


def test_the_source_filter_streams():
    rng = np.random.default_rng(0)
    gains, logits = rng.normal(-2, 0.5, (60, 963)), rng.normal(0, 3, (60, 100))
    whole = filter_source(SourceState(), gains, logits)
    state, at, parts = SourceState(), 0, []
    for size in (1, 2, 5, 20, 32):
        parts.append(filter_source(state, gains[at : at + size], logits[at : at + size]))
        at += size
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=SAME)


def test_griffin_lim_gives_back_the_mel_it_was_given():
    mel = frontend.log_mel(speech_like(1.0))
    again = frontend.log_mel(griffinlim.invert(mel))
    loud = mel > mel.max() - 5
    assert np.abs(again - mel)[loud].mean() < 0.35


def test_griffin_lim_stands_in_for_the_vocoder(tokens):
    made = Decoder.load(vocoder="griffin-lim").decode(Tokens(tokens.ids[:25]))
    assert len(made.samples) == 5 * GROUP_SAMPLES
    with pytest.raises(BadInput, match="griffin-lim"):
        Decoder.load(vocoder="best")
