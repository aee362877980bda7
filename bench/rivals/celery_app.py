"""Celery with Redis: one task a text, due at its `eta`. The task sends, and writes nothing down."""

import os

from celery import Celery

from .door import send as send_text


def make_app(broker_url: str) -> Celery:
    app = Celery("bench", broker=broker_url)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=False,
        # Texts that are far off are not to be handed out a second time; the default is an hour.
        broker_transport_options={"visibility_timeout": 30 * 24 * 3600},
        broker_connection_retry_on_startup=True,
        # A text for each thread, and one in hand.
        worker_prefetch_multiplier=2,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
    )
    return app


app = make_app(os.environ.get("BROKER_URL", ""))


@app.task(name="send")
def send(to: str) -> None:
    send_text(to)
