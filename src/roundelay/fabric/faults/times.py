"""A column of times, read in the unit that its heading or its numbers tell. Method: ours."""

from __future__ import annotations

from dataclasses import dataclass, field

from roundelay.fabric.faults.records import Records
from roundelay.fabric.reading import clock

MAX_S = 2.2e11
AS_DAYS = "numbers of time are taken as days; name the column start_s or start_hours if they are not"


@dataclass(slots=True)
class Times:
    """Reads the times of one file: all of them dates, or all of them numbers."""

    records: Records
    dates: bool | None = None
    unit_s: float | None = None
    heading_unit_s: float | None = None
    _noted: set[str] = field(default_factory=set)

    def day(self, text: str, line: int | None) -> float:
        """Return a time in days; raises `BadInput` for what is no time, and for dates among numbers."""
        value = clock.number(text)
        seconds = clock.epoch_s(text) if value is None else None
        if value is None and seconds is None:
            do = f"{text!r} is no time; write ISO 8601 (2024-05-31T14:00:00Z) or a number"
            raise self.records.source.bad(do, line)
        if value is not None:
            unit = self.heading_unit_s or clock.magnitude_s(value) or self.unit_s
            unix = unit is not None and clock.magnitude_s(value) is not None
            if unit is None:
                unit = clock.DAY_S
                self._note(AS_DAYS)
            self.unit_s = self.unit_s or unit
            seconds = value * unit
        else:
            unix = True
        if self.dates is None:
            self.dates = self.records.absolute = unix
        elif self.dates != unix:
            raise self.records.source.bad(f"{text!r} is of another kind than the times before; write all alike", line)
        assert seconds is not None
        if abs(seconds) > MAX_S:
            raise self.records.source.bad(f"{text!r} lies beyond the year 9000; correct it", line)
        return seconds / clock.DAY_S

    def _note(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self.records.notes.append(f"{self.records.source.name}: {text}")
