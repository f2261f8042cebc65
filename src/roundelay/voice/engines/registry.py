"""Engines by name: built in, registered in this process, or installed with a package (ours).

    register(EngineSpec("mine", {"synthesizer": frozenset()}, load))     in a program
    [project.entry-points."roundelay.engines"]  mine = "my.module:SPEC"    in a package's pyproject.toml

Nothing is imported before its name is asked for, and nothing loaded before `load`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any, get_args

from roundelay.errors import BadInput, EngineError, RoundelayError
from roundelay.voice.interfaces import PROTOCOLS, Capability, EngineRole, EngineSpec

GROUP = "roundelay.engines"
DEFAULT = "nano"
ROLES: tuple[EngineRole, ...] = get_args(EngineRole)
_BUILT_IN = {
    "nano": "roundelay.voice.engines.nano.spec:SPEC",
    "chat_completions": "roundelay.voice.engines.chat_completions:SPEC",
    "kokoro": "roundelay.voice.engines.kokoro.spec:SPEC",
    "whisper": "roundelay.voice.engines.whisper.spec:SPEC",
    "openai": "roundelay.voice.engines.openai_speech:SPEC",
    "pocketsphinx": "roundelay.voice.engines.pocketsphinx:SPEC",
    "two_pass": "roundelay.voice.engines.two_pass:SPEC",
}
_registered: dict[str, EngineSpec] = {}


def register(spec: EngineSpec) -> None:
    """Make an engine known by its name in this process. Raises `BadInput` for a taken name or unknown roles."""
    if spec.name in names():
        raise BadInput("engine", spec.name, "is a name that is taken; choose another, or unregister that one")
    if unknown := set(spec.roles) - set(ROLES):
        raise BadInput("role", sorted(unknown)[0], f"is none of an engine's: {', '.join(ROLES)}")
    _registered[spec.name] = spec


def unregister(name: str) -> None:
    """Forget an engine that was registered in this process; others stay."""
    _registered.pop(name, None)


def names() -> list[str]:
    """The names of all engines, the default first; nothing of them is imported."""
    return list(dict.fromkeys([*_BUILT_IN, *_registered, *_installed()]))


def spec(name: str) -> EngineSpec:
    """What is known of an engine. Raises `BadInput` with the nearest names for an unknown one, `EngineError` for an
    installed one that cannot be imported.
    """
    if name in _registered:
        return _registered[name]
    point = EntryPoint(name, _BUILT_IN[name], GROUP) if name in _BUILT_IN else _installed().get(name)
    if point is None:
        near = get_close_matches(name, names(), n=3, cutoff=0.5) or names()
        raise BadInput("engine", name, f"is unknown; did you mean {' or '.join(near)}?")
    try:
        found = point.load()
    except Exception as error:
        raise EngineError(name, "engine", f"cannot be imported ({type(error).__name__}: {error})", "load") from error
    if not isinstance(found, EngineSpec):
        raise EngineError(name, "engine", f"is a {type(found).__name__} at {point.value}, not an EngineSpec", "load")
    return found


def specs() -> list[EngineSpec]:
    """All engines that can be imported, the default first."""
    found = []
    for name in names():
        try:
            found.append(spec(name))
        except EngineError:
            continue
    return found


def loadable() -> list[str]:
    """The names of the engines that can be loaded here without settings, the default first."""
    return [each.name for each in specs() if not each.required and all(map(find_spec, each.packages))]


def check(name: str, settings: Mapping[str, Any] | None = None) -> None:
    """Raise what `load` would raise for packages, settings or weights that are missing or damaged; nothing is loaded.

    Weights are read to compare their sums, once a process.
    """
    found, settings = spec(name), settings or {}
    _check_settings(found, settings)
    if missing := next((package for package in found.packages if find_spec(package) is None), None):
        how = found.install or f"pip install {missing}"
        raise EngineError(name, "engine", f"needs the package {missing}: run {how}", "load")
    if found.check is not None:
        found.check(**settings)


def engines_with(capability: Capability, role: EngineRole | None = None) -> list[str]:
    """The names of the engines that have a capability, in a role or in any."""
    return [
        each.name
        for each in specs()
        if any(capability in found for at, found in each.roles.items() if role in (None, at))
    ]


def engines_for(role: EngineRole) -> list[str]:
    """The names of the engines that can take a role."""
    return [each.name for each in specs() if role in each.roles]


def engine_with_voice(name: str) -> str | None:
    """The name of the first synthesizer that says it has a voice of this name; None where none does."""
    return next((each.name for each in specs() if each.knows_voice and each.knows_voice(name)), None)


def assign(engines: Collection[str], roles: Collection[EngineRole] = ROLES) -> dict[EngineRole, str]:
    """An engine's name for each role: each engine takes the roles it can, a later one before an earlier one; the rest
    are the default's. Raises `BadInput` for an unknown engine, or one that can take none of the roles.
    """
    given: dict[EngineRole, str] = dict.fromkeys(roles, DEFAULT)
    for name in engines:
        taken = [role for role in roles if role in spec(name).roles]
        if not taken:
            able = sorted({each for role in roles for each in engines_for(role)})
            raise BadInput("engine", name, f"is no {' or '.join(roles)}; engines that are: {', '.join(able)}")
        given |= dict.fromkeys(taken, name)
    return given


def load(name: str, roles: Collection[EngineRole], settings: Mapping[str, Any] | None = None) -> dict[EngineRole, Any]:
    """An engine, loaded, for each role asked of it.

    Raises `BadInput` for an unknown name, role or setting, or a required one that is missing, `EngineError` where it
    cannot be loaded or does not have the methods of a role, and what else the engine raises on purpose
    (`MissingPackage`, `DamagedWeightsError`).
    """
    found, settings = spec(name), settings or {}
    for role in roles:
        if role not in found.roles:
            raise BadInput("engine", name, f"is no {role}; engines that are: {', '.join(engines_for(role))}")
    _check_settings(found, settings)
    try:
        engines = dict(found.load(tuple(roles), **settings))
    except RoundelayError:
        raise
    except Exception as error:
        raise EngineError(name, "engine", f"cannot be loaded ({type(error).__name__}: {error})", "load") from error
    for role in roles:
        if not isinstance(engines.get(role), PROTOCOLS[role]):
            raise EngineError(name, role, "does not have what the role's protocol in voice.interfaces asks", "load")
    return engines


def _check_settings(found: EngineSpec, settings: Mapping[str, Any]) -> None:
    for setting in settings:
        if setting not in found.settings:
            known = ", ".join(found.settings) or "none"
            raise BadInput(f"setting of the engine {found.name}", setting, f"is unknown; known: {known}")
    if missing := [setting for setting in found.required if settings.get(setting) is None]:
        raise BadInput("engine", found.name, f"needs the setting {', '.join(missing)} ({found.summary})")


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
