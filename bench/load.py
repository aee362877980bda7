"""Posts prepared requests in a closed loop: each connection sends its next one when the last was answered.

    python -m bench.load --port 8000 --requests FILE --connections 16

FILE is a JSON list of whole requests. Prints seconds, failures and the answers' times, in rising order, as JSON.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

import uvloop

from .posts import Connection
from .processes import Process, module


async def post_all(port: int, requests: list[bytes], connections: int) -> dict:
    waiting, times, failures = iter(requests), [], []
    started = time.perf_counter()
    await asyncio.gather(*(post_share(Connection(port), waiting, times, failures) for _ in range(connections)))
    return {"seconds": time.perf_counter() - started, "failures": failures, "times": sorted(times)}


async def post_share(connection: Connection, waiting: Iterator[bytes], times: list[float], failures: list[str]) -> None:
    for request in waiting:
        started = time.perf_counter()
        try:
            status = await connection.post(request)
        except (OSError, EOFError) as error:
            failures.append(type(error).__name__)
            continue
        times.append(time.perf_counter() - started)
        if not 200 <= status < 300:
            failures.append(str(status))
    connection.close()


def post_from_one_process(folder: Path, port: int, requests: list[bytes], connections: int) -> dict:
    """Run this module as a process of its own, and return what it found."""
    with NamedTemporaryFile("w", dir=folder) as file:
        json.dump([request.decode() for request in requests], file)
        file.flush()
        with Process("the load", module("bench.load", port=port, requests=file.name, connections=connections)) as load:
            return load.printed(seconds=60 + len(requests) / 50)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--connections", type=int, required=True)
    options = parser.parse_args()
    requests = [request.encode() for request in json.loads(options.requests.read_text())]
    print(json.dumps(uvloop.run(post_all(options.port, requests, options.connections))))


if __name__ == "__main__":
    main()
