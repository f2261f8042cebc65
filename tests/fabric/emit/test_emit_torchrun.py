"""run.sh before a real torchrun: hosts started in any order, ranks in ring order."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from roundelay.fabric.emit import folder, torchrun
from roundelay.fabric.emit.targets import emit
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.topology.deployment import Deployment

LIMIT_S = 120
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.10", "127.0.0.3")


def test_ranks_are_the_rings_and_not_the_hosts_order_as_strings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if shutil.which("torchrun", path=path) is None:
        pytest.skip(
            "torchrun is not installed: pip install 'roundelay[train]'; test_emit.py runs run.sh with a stand-in"
        )
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        monkeypatch.setattr(torchrun, "MASTER_PORT", one.getsockname()[1])
    # The ring order of these groups, 127.0.0.2 before 127.0.0.10, is not the order of the strings.
    case = Placement(Deployment.of(4, 2, 1), (JobPlace("j", 2, ((1,), (2,))),), hosts=HOSTS).check()
    folder.write(tmp_path / "out", emit(case, "torchrun").files, {})
    (tmp_path / "say.py").write_text(
        "import os, pathlib, sys\npathlib.Path(sys.argv[1], os.environ['RANK']).write_text(os.environ['NODE_NAME'])\n"
    )
    (tmp_path / "said").mkdir()
    command = ["bash", tmp_path / "out" / "run.sh", tmp_path / "say.py", tmp_path / "said"]
    hosts = [case.host(node) for node in case.rank_order()]
    agents = [
        subprocess.Popen(command, env={**os.environ, "PATH": path, "NODE_NAME": host}) for host in reversed(hosts)
    ]
    try:
        assert [agent.wait(timeout=LIMIT_S) for agent in agents] == [0, 0]
    finally:
        for agent in agents:
            agent.kill()
    said = {int(path.name): path.read_text() for path in (tmp_path / "said").iterdir()}
    assert [said[rank] for rank in sorted(said)] == [host for host in hosts for _ in range(2)]
    assert hosts != sorted(hosts)
