"""The loop of 2018: looks once a second at what is due, sends one text at a time, moves each reader's pointer.

CARRIER_URL=http://127.0.0.1:9000 python -m bench.rivals.loop_2018 --database FILE --texts 100 --start 1764000000.0
"""

import argparse
import sqlite3
import time

from bench.texts import READERS, number

from .door import send

DELAY = 30 * 24 * 3600


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rivals.loop_2018")
    parser.add_argument("--database", required=True)
    parser.add_argument("--texts", type=int, required=True)
    parser.add_argument("--start", type=float, required=True)
    options = parser.parse_args()
    database = sqlite3.connect(options.database)
    database.execute("CREATE TABLE readers (number TEXT PRIMARY KEY, story INTEGER, position INTEGER, next_at REAL)")
    readers = [(number(READERS, index), 1, 0, options.start) for index in range(options.texts)]
    database.executemany("INSERT INTO readers VALUES (?, ?, ?, ?)", readers)
    database.commit()
    while database.execute("SELECT 1 FROM readers WHERE position = 0").fetchone():
        send_due(database)
        time.sleep(1)


def send_due(database: sqlite3.Connection) -> None:
    due = database.execute("SELECT number, position FROM readers WHERE next_at <= ?", [time.time()]).fetchall()
    for to, position in due:
        send(to)
        change = (position + 1, time.time() + DELAY, to)
        database.execute("UPDATE readers SET position = ?, next_at = ? WHERE number = ?", change)
        database.commit()


if __name__ == "__main__":
    main()
