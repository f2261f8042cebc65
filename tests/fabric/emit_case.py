"""The small placement of the emitters' golden files; `python tests/fabric/emit_case.py` writes emit/golden anew.

24 nodes of 4 GPUs, 2 under a ToR, 4 ToRs in a domain, K = 3. Ring positions: job `llama` has a group over the dead 12,
where the ring passes to the second sub-line, and one over the dead 3, in an order that no sorting gives; `other` ends
at a true break (21, 22 and 23 are dead); 5 to 8 are free and form a group; 14, 15 and 19 are left.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from roundelay.fabric.emit.targets import TARGETS, emit
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.topology.deployment import Deployment

GOLDEN = Path(__file__).with_name("emit") / "golden"
LLAMA = ((9, 10, 11, 13), (0, 1, 2, 4))
OTHER = ((16, 17, 18, 20),)
DOWN = (3, 12, 21, 22, 23)


def nodes(deployment: Deployment, positions: tuple[int, ...]) -> tuple[int, ...]:
    """Return the nodes at ring positions."""
    return tuple(deployment.node(np.array(positions)).tolist())


def placement(hosts: tuple[str, ...] = (), *, llama: str = "llama", alone: bool = False) -> Placement:
    """Return the case, with other host names, another name for its first job, or without its second job."""
    deployment = Deployment.of(24, 4, 3, 2, tors_per_domain=4)
    jobs = [JobPlace(llama, 16, tuple(nodes(deployment, group) for group in LLAMA))]
    if not alone:
        jobs.append(JobPlace("other", 16, tuple(nodes(deployment, group) for group in OTHER)))
    return Placement(deployment, tuple(jobs), nodes(deployment, DOWN), hosts, epoch=7).check()


def main() -> None:
    """Write what every target emits for `llama`, one folder a target."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for target in TARGETS:
        folder = GOLDEN / target
        folder.mkdir(parents=True)
        for name, text in emit(placement(), target, "llama").files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
