"""Lines of logs that tell when a node fell and came back: slurmctld's, Prometheus' samples, and logs of that kind.

Source: slurmctld.log as Slurm 22.05 and later write it (`Nodes X not responding, setting DOWN`, `update_node: node X
state set to DOWN`, `Node X now responding`, `node X returned to service`); Prometheus' text format (`up{instance="X"} 0
TIME`). Other lines are read where they hold a time, a node by `node X`, `node=X` and the like, and a word of its state.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from roundelay.fabric.faults.records import Records
from roundelay.fabric.faults.tables import Pairing
from roundelay.fabric.faults.times import Times
from roundelay.fabric.reading import clock
from roundelay.fabric.reading.hostlist import expand
from roundelay.fabric.reading.source import Source

MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
TIME = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?(?:Z|[+-]\d\d:?\d\d|UTC|GMT|P[SD]T|E[SD]T|CES?T))?"
    r"|(?<![\d.])\d{10}(?:\.\d+)?(?![\d])|(?<![\d.])\d{13}(?!\d)"
)
SYSLOG = re.compile(rf"^(?:{MONTHS}) [ \d]\d \d\d:\d\d:\d\d ")
HOST = r"[A-Za-z0-9](?:[\w.-]|\[[\d,\-/]+\]|,(?=\w+[\w.-]*(?:\[|,| )))*"
NODE = re.compile(
    rf"(?i)\b(?:nodes?|nodename|node_name|host|hostname|instance|machine|server|kubernetes_node)(?:[\"']?\s*[=:]\s*|/|\s+)"
    rf"[\"']?({HOST})"
)
# what slurmctld says, each with what it means: down, up, or up only after an outage of the same kind
SET = re.compile(rf"(?i)\bnodes? ({HOST}) state set to ([A-Z]+)")
SETTING = re.compile(rf"(?i)\bsetting node ({HOST}) state to ([A-Z]+)")
REBOOTED = re.compile(rf"(?i)\bnode ({HOST}) unexpectedly rebooted")
SILENT = re.compile(rf"\bNodes? ({HOST}) not responding, setting DOWN")
BACK = re.compile(rf"(?i)\bnodes? ({HOST}) returned to service")
RESPONDS = re.compile(rf"\b[Nn]ode ({HOST}) now responding")
NO_FALL = re.compile(rf"(?i)reason set to|nodes? ({HOST}) not responding$")
SAMPLE = re.compile(r"^\w+(\{.*\})\s+([0-9.eE+-]+)(?:\s+(\d+))?$")
LABEL = re.compile(r'(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"')
WHO = ("node", "nodename", "instance", "host", "hostname", "kubernetes_node", "exported_node", "machine")
BACK_WORDS = re.compile(
    r"(?i)\b(back (?:up|online|in)|recovered|returned|resolved|resumed|came up|"
    r"(?:is|now) (?:up|ready|online|reachable))"
)
FALL_WORDS = re.compile(
    r"(?i)\b(down|(?:node)?not[_ -]?ready|offline|unreachable|unresponsive|not responding|"
    r"lost (?:contact|heartbeat)\w*|dead|crashed|failed|failure|unhealthy|drain\w*|fault)\b"
)
UP_WORDS = re.compile(r"(?i)\b(up|(?:node)?ready|online|reachable|alive|healthy|idle|undrained)\b")
# words that may stand behind "node" in a sentence and are no name of one
NO_NAMES = frozenset((
    "is", "was", "are", "has", "had", "went", "came", "goes", "became", "state", "status", "not", "now", "and", "in",
    "of", "to", "from", "on", "off", "the", "a", "down", "up", "ready", "notready", "online", "offline", "health",
    "healthy", "unhealthy", "name", "names", "exporter", "list", "manager", "failure", "failed", "fault", "recovered",
))  # fmt: skip
GOOD_STATES = ("IDLE", "ALLOCATED", "MIXED", "RESUME", "UNDRAIN", "COMPLETING")


def is_log(head: str) -> bool:
    """Return whether the first lines are those of a log that `read` takes."""
    lines = [line for line in head.splitlines()[:-1][:4000] or head.splitlines() if line.strip()]
    timed = sum(bool(TIME.search(line[:120]) or SYSLOG.match(line)) for line in lines)
    samples = sum(bool(SAMPLE.match(line.strip())) for line in lines if not line.startswith("#"))
    return samples * 2 > len(lines) or (
        timed * 4 > len(lines) and any(NODE.search(line) or SET.search(line) for line in lines)
    )


def name_of(labels: dict[str, str]) -> str:
    """Return the server that a metric's labels name, its port left out; "" for none."""
    for key in WHO:
        if labels.get(key):
            return re.sub(r":\d+$", "", labels[key])
    return ""


@dataclass(slots=True)
class _Log:
    """What is known while a log is read."""

    pairing: Pairing
    times: Times
    silent: set[str] = field(default_factory=set)  # nodes that are down since they do not respond
    used: int = 0


def read(source: Source) -> Records:
    """Return the faults that a log tells; lines that tell nothing of a node are passed.

    Raises `BadInput` for syslog's times without a year, for time that runs back, and where no line tells anything.
    """
    records = Records(source, "a log of events")
    log = _Log(Pairing(records), Times(records))
    total = 0
    for number, line in source.lines():
        if not line.strip() or line.startswith("#"):
            continue
        total += 1
        if (found := SAMPLE.match(line.strip())) and "{" in line:
            _sample(found, number, log)
        else:
            _line(line, number, log)
    if not log.used:
        raise source.bad("tells of no node that went down or came up; give a table with headings `node,start,end`")
    passed = total - log.used
    records.notes.append(
        f"{source.name} is read as a log: {log.used:,} lines tell of nodes, {passed:,} of other things"
    )
    return log.pairing.done()


def _sample(found: re.Match[str], number: int, log: _Log) -> None:
    labels = dict(LABEL.findall(found[1]))
    name, records = name_of(labels), log.pairing.records
    if not name:
        return
    if found[3] is None:
        raise records.source.bad("is a sample without a time; give what Prometheus' query_range answers", number)
    value = clock.number(found[2])
    if value is None:
        raise records.source.bad(f"has the value {found[2]}; give 0 or 1", number)
    firing = labels.get("alertname") is not None
    records.whole = not firing
    down = (value != 0) == firing
    log.used += 1
    log.pairing.event(name, log.times.day(found[3], number), down, number, labels.get("alertname", ""))


def _line(line: str, number: int, log: _Log) -> None:
    when = TIME.search(line[:200])
    told = _told(line)
    if told is None:
        return
    names, down, kind = told
    if when is None:
        if SYSLOG.match(line):
            do = "has a time without a year; write the log with journalctl -o short-iso"
            raise log.pairing.records.source.bad(do, number)
        return
    day = log.times.day(when[0].replace("/", "-"), number)
    log.used += 1
    for name in expand(names) if set(names) & set("[,") else (names,):
        if kind == "responds" and name not in log.silent and name in log.pairing.open:
            continue  # it is down or drained for another reason, and stays so
        log.pairing.event(name, day, down, number, line[when.end() :].strip(" ]")[:80] if down else "")
        if kind == "silent":
            log.silent.add(name)
        else:
            log.silent.discard(name)


def _told(line: str) -> tuple[str, bool, str] | None:
    """Return (nodes, are they down, kind) that a line tells; None for a line that tells nothing of a node's state."""
    for pattern, down, kind in (
        (SILENT, True, "silent"), (REBOOTED, True, "set"), (BACK, False, "back"), (RESPONDS, False, "responds"),
    ):  # fmt: skip
        if found := pattern.search(line):
            return found[1], down, kind
    if found := SET.search(line) or SETTING.search(line):
        return found[1], not found[2].upper().startswith(GOOD_STATES), "set"
    if NO_FALL.search(line.rstrip()):
        return None
    named = [one for one in NODE.finditer(line) if one[1].lower() not in NO_NAMES]
    if not named:
        return None
    found = next((one for one in named if "=" in one[0] or ":" in one[0]), named[0])
    rest = TIME.sub(" ", line[: found.start()] + " " + line[found.end() :]).replace("_", " ")
    down = not BACK_WORDS.search(rest) and bool(FALL_WORDS.search(rest))
    if not down and not BACK_WORDS.search(rest) and not UP_WORDS.search(rest):
        return None
    return found[1].rstrip(".,:"), down, "log"
