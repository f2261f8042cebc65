"""The job simulation under random faults, held against the closed form `goodput.expected_availability`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from roundelay.fabric.goodput import job_simulation
from roundelay.fabric.goodput.goodput import CheckpointedJob, best_interval_s, expected_availability
from roundelay.record import Record


@dataclass(frozen=True, slots=True)
class RenewalRow(Record):
    """The useful share of a job's time at one mean time between faults, in closed form and simulated."""

    mtbf_s: float
    interval_s: float
    expected: float
    simulated: float
    standard_error: float

    @property
    def z(self) -> float:
        """Standard errors by which the simulation lies above the closed form."""
        return (self.simulated - self.expected) / self.standard_error


def compare(job: CheckpointedJob, mtbfs_s: Iterable[float], *, histories: int, faults: int) -> Iterator[RenewalRow]:
    """Yield a row for each mean time between faults, each at its best interval between checkpoints."""
    for mtbf_s in mtbfs_s:
        interval_s = best_interval_s(job.checkpoint_s, mtbf_s)
        simulated = simulated_availability(job, mtbf_s, interval_s, histories=histories, faults=faults)
        yield RenewalRow(mtbf_s, interval_s, expected_availability(job, mtbf_s, interval_s), *simulated)


def simulated_availability(
    job: CheckpointedJob, mtbf_s: float, interval_s: float, *, histories: int, faults: int
) -> tuple[float, float]:
    """Return the mean useful share of the job's time over histories of exponential faults, and its standard error.

    Every fault hits the job, and nodes are replaced at once. History i is drawn from seed i.
    """
    timing = (interval_s, job.checkpoint_s, job.detect_s, job.restart_s)
    useful = []
    for seed in range(histories):
        times = np.cumsum(np.random.default_rng(seed).exponential(mtbf_s, faults))
        usable = np.full(faults + 1, 8)
        spent = job_simulation.simulate_job(times, usable, np.zeros(faults), float(times[-1]), (8, 8, 0), timing)
        useful.append(spent[job_simulation.USEFUL] / 8 / times[-1])
    return float(np.mean(useful)), float(np.std(useful, ddof=1) / histories**0.5)
