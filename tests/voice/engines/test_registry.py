"""Engines by name: an engine of others plugs in, unknown names name the nearest, installed packages are found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest
from tone_engine import ToneEngine

from roundelay.errors import BadInput, EngineError
from roundelay.voice.audio import Audio
from roundelay.voice.engines import registry
from roundelay.voice.engines.nano.end_of_turn import NanoEndOfTurn
from roundelay.voice.engines.nano.recognizer import NanoTranscriber
from roundelay.voice.engines.nano.responder import NanoResponder
from roundelay.voice.engines.nano.synthesizer import NanoSynthesizer
from roundelay.voice.interfaces import PROTOCOLS, Capability, EngineSpec
from roundelay.voice.pipeline import Pipeline

EVERY_ROLE = dict.fromkeys(registry.ROLES, frozenset({Capability.TOOLS}))


def tone_spec(name: str = "tone", **settings: Any) -> EngineSpec:
    return EngineSpec(name, EVERY_ROLE, lambda roles, **more: dict.fromkeys(roles, ToneEngine(**more)), ("rate_hz",))


@pytest.fixture
def tone() -> Iterator[str]:
    registry.register(tone_spec())
    yield "tone"
    registry.unregister("tone")


@pytest.mark.parametrize("rate_hz", [22_050, 48_000])
def test_an_engine_of_others_says_transcribes_and_answers(tone: str, rate_hz: int) -> None:
    pipeline = Pipeline.load(tone, tone, tone, tone, settings={tone: {"rate_hz": rate_hz}})
    made = pipeline.say("three short words")
    assert (made.rate, len(made.samples)) == (rate_hz, 3 * (rate_hz // 10))
    assert [block.rate for block in pipeline.stream("two words")] == [rate_hz] * 2
    assert pipeline.transcribe(made).text == "0.3 seconds"
    reply = pipeline.ask(made)
    assert (reply.transcript.text, reply.response.text) == ("0.3 seconds", "You said 0.3 seconds.")
    assert reply.audio().rate == rate_hz and pipeline.ask("hello").response.text == "You said hello."
    assert pipeline.end_of_turn_probability("over and over") == 0.9
    assert pipeline.end_of_turn_probability("and then") is None


def test_weights_in_use_are_shared_by_engines_that_are_loaded_apart() -> None:
    heard = registry.load("nano", ["transcriber"])["transcriber"]
    spoken = registry.load("nano", ["synthesizer"], {"warm": True})["synthesizer"]
    assert isinstance(heard, NanoTranscriber) and isinstance(spoken, NanoSynthesizer)
    assert heard.weights is spoken.weights


def test_engines_are_mixed_by_role_and_loaded_once(tone: str) -> None:
    loads: list[tuple[str, ...]] = []

    def load(roles: tuple[str, ...]) -> dict[str, Any]:
        loads.append(roles)
        return dict.fromkeys(roles, ToneEngine())

    registry.register(EngineSpec("counted", {"transcriber": frozenset(), "end_of_turn": frozenset()}, load))
    try:
        mixed = Pipeline.load("counted", "nano", tone, "counted")
        assert loads == [("transcriber", "end_of_turn")] and mixed.transcriber is mixed.end_of_turn
        assert mixed.ask("What is 12 times 7?").response.skill == "multiply 12 7"
        assert mixed.ask("What is 12 times 7?").audio().rate == 22_050
    finally:
        registry.unregister("counted")


def test_a_role_without_an_engine_is_one_line() -> None:
    alone = Pipeline.load(None, "nano", None, None)
    assert alone.ask("What is 12 times 7?").response.skill == "multiply 12 7"
    assert alone.end_of_turn_probability("what time") is None
    with pytest.raises(BadInput, match="without a synthesizer"):
        alone.say("hello")
    with pytest.raises(BadInput, match="without a transcriber"):
        alone.transcribe(Audio(np.zeros(100, np.float32), 16_000))


@pytest.mark.parametrize(("name", "nearest"), [("nanno", "nano"), ("chat-completions", "chat_completions"), ("?", "")])
def test_an_unknown_engine_names_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(BadInput, match="did you mean") as error:
        Pipeline.load(name)
    assert nearest in str(error.value) and str(error.value).count("\n") == 0


def test_a_role_or_setting_that_an_engine_does_not_have_is_one_line() -> None:
    with pytest.raises(BadInput, match=r"is no transcriber; engines that are: .*nano"):
        Pipeline.load("chat_completions")
    with pytest.raises(BadInput, match="colour: is unknown; known: folder, codec, warm"):
        Pipeline.load(None, "nano", None, None, settings={"nano": {"colour": 1}})
    for given in ({}, {"url": None}):
        with pytest.raises(BadInput, match=r"needs the setting url .*http://host:port/v1"):
            registry.load("chat_completions", ["responder"], given)


def test_names_on_a_command_line_take_the_roles_they_can(tone: str) -> None:
    assert set(registry.assign([]).values()) == {"nano"}
    assert registry.assign([tone, "chat_completions"]) == dict.fromkeys(registry.ROLES, tone) | {
        "responder": "chat_completions"
    }
    with pytest.raises(BadInput, match=r"chat_completions: is no synthesizer; engines that are: .*tone"):
        registry.assign(["chat_completions"], ["synthesizer"])


def test_capabilities_are_known_before_anything_is_loaded(tone: str) -> None:
    assert registry.engines_with(Capability.CLONE) == ["nano"]
    assert registry.engines_with(Capability.TOOLS, "responder") == ["chat_completions", tone]
    assert registry.engines_with(Capability.SING) == []


def test_an_engine_that_lacks_settings_or_packages_is_known_but_not_loadable(tone: str) -> None:
    spec = replace(tone_spec("bare"), packages=("no_such_module",))
    registry.register(spec)
    try:
        assert {"bare", "chat_completions"} <= set(registry.names())
        found = registry.loadable()
        assert found[0] == "nano" and tone in found and not {"bare", "chat_completions"} & set(found)
    finally:
        registry.unregister("bare")


def test_a_name_is_taken_once_and_roles_must_exist(tone: str) -> None:
    with pytest.raises(BadInput, match="taken"):
        registry.register(tone_spec("nano"))
    with pytest.raises(BadInput, match="role pianist"):
        registry.register(EngineSpec("other", {"pianist": frozenset()}, dict))  # type: ignore[dict-item]


def test_an_installed_package_offers_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    group = registry.GROUP
    points = [EntryPoint("installed", f"{__name__}:INSTALLED", group), EntryPoint("broken", "no.such:SPEC", group)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    assert Pipeline.load(None, None, "installed", None).say("a word").rate == 22_050
    assert {"installed", "broken"} <= set(registry.names())
    assert "broken" not in {spec.name for spec in registry.specs()}
    with pytest.raises(EngineError, match="broken cannot be imported"):
        Pipeline.load("broken")


INSTALLED = tone_spec("installed")


@pytest.mark.parametrize("load", [lambda roles: {}, lambda roles: dict.fromkeys(roles, object()), dict])
def test_an_engine_that_cannot_be_loaded_is_an_engine_error(load: Any) -> None:
    registry.register(EngineSpec("bad", EVERY_ROLE, load))
    try:
        with pytest.raises(EngineError, match="bad") as error:
            Pipeline.load("bad")
        assert error.value.fault == "load"
    finally:
        registry.unregister("bad")


@pytest.mark.parametrize(("role", "engine"), [
    ("transcriber", NanoTranscriber), ("responder", NanoResponder), ("synthesizer", NanoSynthesizer),
    ("end_of_turn", NanoEndOfTurn),
])  # fmt: skip
def test_the_nano_engine_is_what_its_spec_says(role: Any, engine: type) -> None:
    spec = registry.spec("nano")
    assert engine.name == spec.name and engine.capabilities == spec.roles[role]  # type: ignore[attr-defined]
    assert all(hasattr(engine, name) for name in dir(PROTOCOLS[role]) if not name.startswith("_"))
