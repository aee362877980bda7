"""Celery with Redis: one task a text, due at its `eta`.

`send` sends, and writes nothing down. `tell` does the whole work: it records what became of the message, and schedules
the reader's next one, as a row and as a task.
"""

import os
from datetime import timedelta

from celery import Celery

from .door import send as send_text

DELAY = timedelta(days=30)


def make_app(broker_url: str) -> Celery:
    threads = int(os.environ.get("CONNECTIONS", 1))
    app = Celery("bench", broker=broker_url)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=False,
        broker_transport_options={
            # Texts that are far off are not to be handed out a second time; the default is an hour.
            "visibility_timeout": 60 * 24 * 3600,
            # Every thread may write a task, and the worker needs a few for itself.
            "max_connections": threads + 16,
        },
        broker_pool_limit=threads,
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


@app.task(name="tell")
def tell(message_id: int) -> None:
    from django.db import transaction
    from django.utils import timezone

    from stories.models import StoryText
    from subscribers.models import Message

    message = Message.objects.select_related("subscriber", "text").get(pk=message_id)
    sid, now = send_text(str(message.subscriber.phone_number)), timezone.now()
    with transaction.atomic():
        message.sid, message.status, message.sent_at, message.body = sid, Message.Status.QUEUED, now, message.text.body
        message.save(update_fields=["sid", "status", "sent_at", "body"])
        following = Message.objects.create(
            direction=Message.Direction.OUTBOUND,
            status=Message.Status.SCHEDULED,
            subscriber_id=message.subscriber_id,
            enrollment_id=message.enrollment_id,
            number=message.number,
            text=StoryText.objects.get(story=message.text.story_id, position=message.text.position + 1),
            step=message.step + 1,
            due_at=now + DELAY,
        )
    tell.apply_async([following.pk], eta=following.due_at)
