"""The placement's picture names its axes and its groups."""

from __future__ import annotations

from roundelay.fabric.pages import place_picture
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.topology.deployment import Deployment


def placed(jobs: int = 1) -> Placement:
    """Two ToRs' sub-lines of 24 nodes, a group of four each way a job, node 3 down."""
    groups = [tuple(range(start, start + 8, 2)) for start in (8, 9, 16, 17, 24, 25)]
    count = len(groups) // jobs
    named = [JobPlace(f"job{j}", 16, tuple(groups[j * count : (j + 1) * count])) for j in range(jobs)]
    return Placement(Deployment.of(48, 4, 2, 2), tuple(named), (3,))


def test_axes_are_named_and_rows_numbered() -> None:
    (panel,) = place_picture.picture(placed()).axes
    assert panel.get_xlabel() == "ToR" and panel.get_ylabel() == "sub-line"
    assert [label.get_text() for label in panel.get_yticklabels()] == ["0", "1"]


def test_every_group_bears_its_number_and_its_jobs_name_where_there_are_several() -> None:
    for jobs, expected in ((1, {"0", "1", "2", "3", "4", "5"}), (2, {f"job{j} {i}" for j in (0, 1) for i in range(3)})):
        (panel,) = place_picture.picture(placed(jobs)).axes
        assert {text.get_text() for text in panel.texts} == expected


def test_a_number_that_does_not_fit_is_left_out() -> None:
    many = Placement(Deployment.of(256, 4, 2, 2), (JobPlace("a", 4, tuple((n,) for n in range(200))),))
    panels = place_picture.picture(many).axes
    assert all(len(text.get_text()) == 1 for panel in panels for text in panel.texts)
