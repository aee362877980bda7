"""The ceiling of any sender in Python: keep-alive posts with urllib3, and nothing else.

    python -m bench.rivals.raw --url URL --threads 64 --texts 5000 --first 0 --start 1764000000.0

Prints the seconds of CPU that it spent on its share.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import urlencode

import urllib3

from bench.texts import ACCOUNT_SID, BODY, OUR_NUMBER, READERS, number


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rivals.raw")
    parser.add_argument("--url", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--texts", type=int, required=True)
    parser.add_argument("--first", type=int, required=True, help="the number of the first reader")
    parser.add_argument("--start", type=float, required=True, help="when to begin, in seconds of the epoch")
    options = parser.parse_args()
    numbers = iter([number(READERS, options.first + index) for index in range(options.texts)])
    ready = Barrier(options.threads + 1)

    def send_share() -> None:
        pool = urllib3.connection_from_url(options.url, maxsize=1)
        pool.request("GET", "/record/count")
        ready.wait()
        time.sleep(max(0, options.start - time.time()))
        # A list's iterator hands each number to one thread alone.
        for to in numbers:
            post(pool, to)

    with ThreadPoolExecutor(options.threads) as threads:
        shares = [threads.submit(send_share) for _ in range(options.threads)]
        ready.wait()
        before = time.process_time()
        for share in shares:
            share.result()
    print(time.process_time() - before)


def post(pool: urllib3.HTTPConnectionPool, to: str) -> None:
    form = urlencode({"To": to, "From": OUR_NUMBER, "Body": BODY.format(1, 1)})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = pool.request("POST", f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json", body=form, headers=headers)
    if answer.status != 201 or not answer.json()["sid"]:
        raise RuntimeError(f"The carrier answered {answer.status}.")


if __name__ == "__main__":
    main()
