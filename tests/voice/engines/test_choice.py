"""Engines as a user writes them: names, main settings, addresses, and which role each flag fills."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tone_engine import ToneEngine

from roundelay.errors import BadInput, EngineError, RoundelayError
from roundelay.voice.engines import defaults, registry
from roundelay.voice.engines.choice import EngineChoice, parse, select
from roundelay.voice.interfaces import EngineSpec
from roundelay.voice.pipeline import Pipeline

SPEAKING = ("transcriber", "synthesizer")


@pytest.fixture(autouse=True)
def _served() -> Iterator[None]:
    def load(roles: tuple[str, ...], url: str = "", model: str = "") -> dict[str, ToneEngine]:
        return dict.fromkeys(roles, ToneEngine())

    roles: Any = dict.fromkeys(SPEAKING, frozenset())
    registry.register(EngineSpec("served", roles, load, ("url", "model"), main_setting="model"))
    yield
    registry.unregister("served")


@pytest.mark.parametrize(("text", "settings"), [
    ("served", {}),
    ("served:", {}),
    ("served:tiny.en", {"model": "tiny.en"}),
    ("served:/a/folder", {"model": "/a/folder"}),
    ("served:Maker/name-v3", {"model": "Maker/name-v3"}),
    ("served:tiny.en,url=http://h:1/v1", {"model": "tiny.en", "url": "http://h:1/v1"}),
    ("served:url=http://h:1/v1", {"url": "http://h:1/v1"}),
    ("served+http://h:1/v1", {"url": "http://h:1/v1"}),
    ("served+http://h:1/v1?a=1,2&b=c", {"url": "http://h:1/v1?a=1,2&b=c"}),
    ("served+http://h:1/v1,model=large", {"url": "http://h:1/v1", "model": "large"}),
])  # fmt: skip
def test_a_name_with_settings(text: str, settings: dict[str, str]) -> None:
    assert parse(text) == EngineChoice("served", settings)


@pytest.mark.parametrize(("text", "why"), [
    ("serve", "did you mean served"),
    ("", "engine : is unknown"),
    ("nano+http://h/v1", "--hear nano.*has no address"),
    ("served:model=a,b", "write served:b=VALUE"),
    ("nano:tiny", "write nano:tiny=VALUE"),
])  # fmt: skip
def test_a_wrong_name_is_one_line(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        parse(text, "--hear")


def test_what_a_person_is_told() -> None:
    assert parse("nano").shown == "nano" and parse("served:tiny.en").shown == "served (tiny.en)"
    assert parse("served+https://me:secret@h/v1").shown == "served at https://h/v1"


def test_flags_fill_roles_and_the_default_takes_the_rest() -> None:
    url, other = EngineChoice("served", {"url": "http://h/v1"}), EngineChoice("served", {"url": "http://i/v1"})
    assert set(map(repr, select().values())) == {repr(EngineChoice())}
    named = select(["served+http://h/v1"])
    assert {role: named[role] == url for role in registry.ROLES} == {role: role in SPEAKING for role in registry.ROLES}
    both = select(["nano"], hear="served+http://h/v1", speak="served+http://i/v1", default=lambda role: other)
    assert (both["transcriber"], both["synthesizer"], both["responder"]) == (url, other, EngineChoice("nano"))
    assert select(default=lambda role: other)["responder"] == other
    with pytest.raises(BadInput, match="chat_completions: is no transcriber"):
        select(hear="chat_completions")


def test_the_same_choice_is_loaded_once_and_another_one_apart() -> None:
    one, other = EngineChoice("served", {"url": "one"}), EngineChoice("served", {"url": "other"})
    same = Pipeline.of({"transcriber": one, "synthesizer": EngineChoice("served", {"url": "one"})})
    assert same.transcriber is same.synthesizer and same.responder.name == "none"
    apart = Pipeline.of({"transcriber": one, "synthesizer": other})
    assert apart.transcriber is not apart.synthesizer


def test_an_engine_is_checked_without_being_loaded() -> None:
    def damaged(url: str = "") -> None:
        raise RoundelayError(f"weights at {url} are damaged")

    def load(roles: tuple[str, ...], url: str = "") -> dict[str, Any]:
        raise AssertionError("loaded")

    registry.register(EngineSpec("whole", {"transcriber": frozenset()}, load, ("url",)))
    registry.register(EngineSpec("broken", {"transcriber": frozenset()}, load, ("url",), check=damaged))
    registry.register(EngineSpec("bare", {}, load, packages=("no_such_module",), install="pip install 'roundelay[x]'"))
    try:
        registry.check("whole")
        with pytest.raises(RoundelayError, match="at here are damaged"):
            registry.check("broken", {"url": "here"})
        with pytest.raises(EngineError, match=r"needs the package no_such_module: run pip install 'roundelay\[x\]'"):
            registry.check("bare")
        with pytest.raises(BadInput, match="colour: is unknown"):
            registry.check("whole", {"colour": "red"})
    finally:
        for name in ("whole", "broken", "bare"):
            registry.unregister(name)


def test_the_best_installed_is_the_default_and_the_own_weights_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = defaults.Default(EngineChoice("served"), "it is served")
    monkeypatch.setattr(defaults, "PREFERRED", {"transcriber": (wanted,)})
    assert defaults.best("transcriber").name == "served" and defaults.best("synthesizer").name == "nano"

    def missing(name: str, settings: Any) -> None:
        raise EngineError(name, "engine", "needs the package served", "load")

    monkeypatch.setattr(registry, "check", missing)
    assert defaults.default("transcriber") is defaults.OWN
