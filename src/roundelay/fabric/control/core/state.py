"""What the fabric's controller remembers: one frozen value."""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.fabric.control.core.events import JobRequest
from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.topology.optics import Circuits


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be decided one way or the other.

    grow   whether a job that has shrunk takes nodes as soon as they are free; otherwise it waits for its checkpoint
    """

    grow: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """A job that runs (`waits_since_s` is None) or waits."""

    request: JobRequest
    waits_since_s: float | None

    @property
    def due_s(self) -> float | None:
        """When its patience ends; None where it does not."""
        if self.waits_since_s is None or self.request.max_wait_s is None:
            return None
        return self.waits_since_s + self.request.max_wait_s


@dataclass(frozen=True, slots=True)
class Memory:
    """The fabric and its jobs after the last event; `jobs` in order of submission."""

    placement: Placement
    circuits: Circuits
    jobs: tuple[Job, ...] = ()
    now_s: float = 0.0

    def job(self, name: str) -> Job | None:
        """Return the job of that name; None if there is none."""
        return next((job for job in self.jobs if job.request.name == name), None)

    @property
    def due_s(self) -> float | None:
        """When the first waiting job's patience ends; None where no job's does."""
        return min((job.due_s for job in self.jobs if job.due_s is not None), default=None)
