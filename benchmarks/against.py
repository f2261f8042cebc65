"""The first byte of speech of this checkout against another one's: `python benchmarks/against.py OTHER [--times 40]`.

Both servers run at once and are asked in turn, so that what else the machine does falls on both alike.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
TEXTS = (
    "The capital of Kenya is Nairobi.",
    "Twelve times seven is eighty four.",
    "It is a quarter past nine.",
    "Three nodes are down.",
)
PORTS = {"other": 8801, "this": 8802}
READY_S = 120.0
SERVE = [sys.executable, "-c", "from roundelay.cli import main; main()", "serve", "--port"]


def start(checkout: Path, port: int) -> subprocess.Popen[bytes]:
    """A server of a checkout, ready to speak."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([*SERVE, str(port)], env=environment, cwd=checkout, stdout=quiet, stderr=quiet)
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return process
        except OSError:
            pass
        time.sleep(0.5)
    process.terminate()
    sys.exit(f"the server of {checkout} was not ready after {READY_S:.0f} s")


def first_byte_ms(port: int, text: str) -> float:
    """Milliseconds until the first sample of a text has come; the rest is read too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"model": "roundelay", "voice": "alloy", "input": text, "response_format": "pcm"})
    began = time.perf_counter()
    connection.request("POST", "/v1/audio/speech", body, {"content-type": "application/json"})
    response = connection.getresponse()
    response.read(2)
    found = (time.perf_counter() - began) * 1000
    response.read()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="another checkout, for example of the tag v0.1.0")
    parser.add_argument("--times", type=int, default=40, help="requests to each")
    args = parser.parse_args()
    servers = {name: start({"other": args.other, "this": HERE}[name], port) for name, port in PORTS.items()}
    found: dict[str, list[float]] = {name: [] for name in PORTS}
    try:
        for text in TEXTS:
            for port in PORTS.values():
                first_byte_ms(port, text)  # warm
        for number in range(args.times):
            for name in sorted(PORTS, reverse=bool(number % 2)):
                found[name].append(first_byte_ms(PORTS[name], TEXTS[number % len(TEXTS)]))
    finally:
        for process in servers.values():
            process.terminate()
            process.wait()
    for name, values in found.items():
        print(f"{name}: p50 {statistics.median(values):.0f} ms, p95 {statistics.quantiles(values, n=20)[-1]:.0f} ms")
    print(f"this / other at p50: {statistics.median(found['this']) / statistics.median(found['other']):.2f}")


if __name__ == "__main__":
    main()
