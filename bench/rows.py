"""What lies in the database before a measure: stories, readers, and the messages that wait for them."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max, Model
from django.utils import timezone

from stories.models import Story, StoryText
from subscribers.models import Enrollment, Message, Subscriber

from .texts import BODY, OUR_NUMBER, READERS, SLEEPERS, number

STORIES = 10
TEXTS = 3
# Longer than any measure: the text that follows the measured one goes to sleep.
DELAY = timedelta(days=30)


def add_stories() -> None:
    """Publish the stories, each with texts that follow one another after a long time."""
    stories = Story.objects.bulk_create(
        Story(title=f"Story {n}", slug=f"story-{n}", keyword=f"STORY{n}", status=Story.Status.PUBLISHED)
        for n in range(1, STORIES + 1)
    )
    StoryText.objects.bulk_create(
        StoryText(story=story, position=position, body=BODY.format(position, story.pk), delay=DELAY)
        for story in stories
        for position in range(1, TEXTS + 1)
    )


def add_readers(count: int, prefix: str = READERS) -> list[Enrollment]:
    """Let so many readers begin a story, whose first text is not yet scheduled."""
    stories = list(Story.objects.order_by("pk"))
    now = timezone.now()
    with transaction.atomic():
        subscribers = Subscriber.objects.bulk_create(
            Subscriber(phone_number=number(prefix, index)) for index in range(count)
        )
        return Enrollment.objects.bulk_create(
            Enrollment(subscriber=subscriber, story=stories[index % STORIES], number=OUR_NUMBER, created_at=now)
            for index, subscriber in enumerate(subscribers)
        )


def schedule_first_texts(enrollments: Iterable[Enrollment], due: Iterable[float]) -> list[Message]:
    """Schedule the first text of each of these readers for its moment, in seconds of the epoch."""
    first = {text.story_id: text for text in StoryText.objects.filter(position=1)}
    with transaction.atomic():
        return Message.objects.bulk_create(
            Message(
                direction=Message.Direction.OUTBOUND,
                status=Message.Status.SCHEDULED,
                subscriber_id=enrollment.subscriber_id,
                number=OUR_NUMBER,
                enrollment=enrollment,
                text=first[enrollment.story_id],
                step=1,
                due_at=datetime.fromtimestamp(moment, UTC),
            )
            for enrollment, moment in zip(enrollments, due, strict=True)
        )


def add_sent(enrollments: list[Enrollment]) -> list[Message]:
    """Let the first text of each of these readers be at the carrier, of which nothing was reported yet."""
    messages = schedule_first_texts(enrollments, [time.time()] * len(enrollments))
    for message in messages:
        message.sid, message.status, message.sent_at = f"SM{message.pk:032x}", Message.Status.QUEUED, message.due_at
    Message.objects.bulk_update(messages, ["sid", "status", "sent_at"], batch_size=500)
    return messages


def received() -> int:
    """Return how many texts of readers are there."""
    return Message.objects.filter(direction=Message.Direction.INBOUND).count()


def all_delivered(messages: list[Message]) -> bool:
    pks = [message.pk for message in messages]
    return Message.objects.filter(pk__in=pks, status=Message.Status.DELIVERED).count() == len(messages)


def add_sleepers(count: int) -> None:
    """Let so many messages sleep, due from tomorrow on; each of their readers is in every story.

    Made by the database itself, row by number: millions of them would take the models hours.
    """
    if not count:
        return
    sql = SQL[connection.vendor]
    text = StoryText.objects.order_by("pk").first()
    subscriber = f"{last(Subscriber)} + (i - 1) / {STORIES} + 1"
    enrollment = f"{last(Enrollment)} + i"
    story = f"(i - 1) % {STORIES} + 1"
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # The rows are right; to look up each one's readers and stories would take most of the time.
            cursor.execute("SET LOCAL session_replication_role = replica")
        multiply(Subscriber(), -(-count // STORIES), phone_number=sql["number"].format(SLEEPERS))
        multiply(
            Enrollment(number=OUR_NUMBER, story_id=1, subscriber_id=1),
            count,
            subscriber_id=subscriber,
            story_id=story,
        )
        multiply(
            Message(
                direction=Message.Direction.OUTBOUND,
                status=Message.Status.SCHEDULED,
                number=OUR_NUMBER,
                subscriber_id=1,
                enrollment_id=1,
                text=text,
                step=1,
            ),
            count,
            subscriber_id=subscriber,
            enrollment_id=enrollment,
            text_id=f"({story} - 1) * {TEXTS} + 1",
            # Over thirty days, in another order than that of the rows.
            due_at=sql["moment"].format(f"86400 + 2592000.0 / {count} * ((i * 7919) % {count})"),
        )


SQL = {
    "sqlite": {
        "rows": "WITH RECURSIVE rows(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM rows WHERE i < {})",
        "from": "rows",
        "value": "%s",
        "number": "printf('{}%07d', i)",
        "moment": "strftime('%Y-%m-%d %H:%M:%f000', 'now', ({}) || ' seconds')",
    },
    "postgresql": {
        "rows": "",
        "from": "generate_series(1::bigint, {}) AS rows(i)",
        "value": "CAST(%s AS {})",
        "number": "'{}' || lpad(i::text, 7, '0')",
        "moment": "now() + ({}) * interval '1 second'",
    },
}


def last(model: type[Model]) -> int:
    """Return the id of its last row; nobody else may be adding any, so that the next ids follow."""
    return model.objects.aggregate(last=Max("pk"))["last"] or 0


def multiply(template: Model, count: int, **expressions: str) -> None:
    """Insert so many rows like `template`, of which some columns are SQL expressions of the row's number `i`."""
    sql = SQL[connection.vendor]
    columns, selected, values = [], [], []
    for field in template._meta.concrete_fields:
        if field.primary_key:
            continue
        columns.append(connection.ops.quote_name(field.column))
        if field.column in expressions:
            selected.append(expressions[field.column].replace("%", "%%"))
        else:
            selected.append(sql["value"].format(field.db_type(connection)))
            values.append(field.get_db_prep_save(field.pre_save(template, add=True), connection))
    table = connection.ops.quote_name(template._meta.db_table)
    statement = (
        f"{sql['rows'].format(count)} INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT {', '.join(selected)} FROM {sql['from'].format(count)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
