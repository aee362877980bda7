"""Taking made readers away again, with all that is theirs."""

from collections.abc import Callable

from django.db import connection, transaction

from stories.models import Story

from ..models import Enrollment
from .trial import SLUGS, made

BATCH = 5000
# Each row before what it points at; `%s` are readers' ids, from the first to the last of a batch.
READERS = "SELECT id FROM subscribers_subscriber WHERE id BETWEEN %s AND %s AND id IN (SELECT id FROM made_readers)"
PASSAGES = f"SELECT id FROM subscribers_enrollment WHERE subscriber_id IN ({READERS})"  # noqa: S608
REMARKS = f"SELECT message_id FROM subscribers_remark WHERE subscriber_id IN ({READERS})"  # noqa: S608
STATEMENTS = [
    f"DELETE FROM subscribers_tagging WHERE remark_id IN ({REMARKS})",  # noqa: S608
    f"DELETE FROM subscribers_note WHERE remark_id IN ({REMARKS})",  # noqa: S608
    f"DELETE FROM subscribers_replyto WHERE subscriber_id IN ({READERS})",  # noqa: S608
    f"DELETE FROM subscribers_remark WHERE subscriber_id IN ({READERS})",  # noqa: S608
    f"DELETE FROM subscribers_recipient WHERE subscriber_id IN ({READERS})",  # noqa: S608
    f"DELETE FROM subscribers_placement WHERE enrollment_id IN ({PASSAGES})",  # noqa: S608
    f"DELETE FROM subscribers_question WHERE enrollment_id IN ({PASSAGES})",  # noqa: S608
    f"DELETE FROM subscribers_ownphone WHERE subscriber_id IN ({READERS})",  # noqa: S608
    f"DELETE FROM subscribers_message WHERE subscriber_id IN ({READERS})",  # noqa: S608
    f"DELETE FROM subscribers_enrollment WHERE subscriber_id IN ({READERS})",  # noqa: S608
    f"DELETE FROM subscribers_consent WHERE subscriber_id IN ({READERS})",  # noqa: S608
    f"DELETE FROM subscribers_subscriber WHERE id IN ({READERS})",  # noqa: S608
]


def remove(said: Callable[[int], None]) -> int:
    """Delete the made readers, and the stories made for them that nobody else reads; return how many there were."""
    ids = list(made().order_by("pk").values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS made_readers")
        cursor.execute("CREATE TEMPORARY TABLE made_readers (id bigint PRIMARY KEY)")
        cursor.executemany("INSERT INTO made_readers VALUES (%s)", [(pk,) for pk in ids])
        for first in range(0, len(ids), BATCH):
            batch = ids[first : first + BATCH]
            with transaction.atomic():
                for statement in STATEMENTS:
                    cursor.execute(statement, [batch[0], batch[-1]])
            said(first + len(batch))
    for story in Story.objects.filter(slug__in=SLUGS):
        if not Enrollment.objects.filter(story=story).exists():
            story.delete()
    return len(ids)
