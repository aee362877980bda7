"""The webhook of 2018: whoever texts gets a random story and a pointer to its first text. Nothing is verified."""

import random
import sqlite3
import time

from flask import Flask, request

STORIES = 10


def make_app(path: str) -> Flask:
    """Return the application with its database at `path`."""
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS readers (number TEXT, story INTEGER, position INTEGER, next_at REAL)"
        )
    database.close()
    app = Flask(__name__)

    @app.post("/twilio/inbound/")
    def receive():
        database = sqlite3.connect(path)
        try:
            story = random.randint(1, STORIES)  # noqa: S311
            row = (request.form["From"], story, 0, time.time())
            database.execute("INSERT INTO readers VALUES (?, ?, ?, ?)", row)
            database.commit()
        finally:
            database.close()
        return '<?xml version="1.0" encoding="UTF-8"?><Response/>', 200, {"Content-Type": "text/xml"}

    return app
