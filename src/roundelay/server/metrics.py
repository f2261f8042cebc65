"""Counters, gauges and histograms in Prometheus' text exposition format 0.0.4."""

from __future__ import annotations

from collections.abc import Callable, Mapping

SECONDS = (
    0.05,
    0.1,
    0.15,
    0.2,
    0.3,
    0.45,
    0.6,
    0.8,
    1.2,
    2.0,
    5.0,
    20.0,
)  # around the targets 150, 300, 450, 800 ms
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """The metrics of one server. Labels come from fixed sets (routes, statuses, codes), so the table cannot grow."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[Labels, float]] = {}
        self._sums: dict[str, dict[Labels, tuple[list[int], float, int]]] = {}
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._docs: dict[str, str] = {}

    def count(self, name: str, doc: str, value: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        self._docs[name] = doc
        series, key = self._counts.setdefault(name, {}), tuple(sorted(labels.items()))
        series[key] = series.get(key, 0.0) + value

    def observe(self, name: str, doc: str, seconds: float, **labels: str) -> None:
        """Add one duration to a histogram."""
        self._docs[name] = doc
        series, key = self._sums.setdefault(name, {}), tuple(sorted(labels.items()))
        buckets, total, number = series.get(key, ([0] * len(SECONDS), 0.0, 0))
        for at, edge in enumerate(SECONDS):
            buckets[at] += seconds <= edge
        series[key] = (buckets, total + seconds, number + 1)

    def gauge(self, name: str, doc: str, read: Callable[[], float]) -> None:
        """Register a value that is read when the metrics are."""
        self._gauges[name] = (doc, read)

    def read(self) -> dict[str, float]:
        """The gauges and the totals of the counters, for the page."""
        out = {name: float(read()) for name, (_, read) in self._gauges.items()}
        return {**out, **{name: sum(series.values()) for name, series in self._counts.items()}}

    def text(self) -> str:
        """All metrics in the exposition format."""
        lines: list[str] = []
        for name, (doc, read) in sorted(self._gauges.items()):
            lines += [f"# HELP {name} {doc}", f"# TYPE {name} gauge", f"{name} {read():g}"]
        for name, series in sorted(self._counts.items()):
            lines += [f"# HELP {name} {self._docs[name]}", f"# TYPE {name} counter"]
            lines += [f"{name}{_labels(key)} {value:g}" for key, value in sorted(series.items())]
        for name, sums in sorted(self._sums.items()):
            lines += [f"# HELP {name} {self._docs[name]}", f"# TYPE {name} histogram"]
            for key, (buckets, total, number) in sorted(sums.items()):
                for edge, held in zip(SECONDS, buckets, strict=True):
                    lines.append(f"{name}_bucket{_labels((*key, ('le', f'{edge:g}')))} {held}")
                lines.append(f"{name}_bucket{_labels((*key, ('le', '+Inf')))} {number}")
                lines += [f"{name}_sum{_labels(key)} {total:g}", f"{name}_count{_labels(key)} {number}"]
        return "\n".join(lines) + "\n"


def _labels(pairs: Labels) -> str:
    if not pairs:
        return ""
    escape: Mapping[int, str] = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    return "{" + ",".join(f'{key}="{value.translate(escape)}"' for key, value in pairs) + "}"
