"""Lives, multiplied by the database itself: millions of rows would take the models hours."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Model

from textengine.database import prepared

from ..models import Enrollment, Message, Question, Subscriber
from .lives import SPAN, Life
from .trial import AREAS

# So many passages are made in one transaction, after which it is said how far it is.
CHUNK = 20_000
REMARKS = [
    "Thank you!",
    "Is this true?",
    "I live in that street.",
    "haha",
    "When does it go on?",
    "My mother told me the same story.",
    "You have the year wrong, I think.",
    "❤️",
]

SQL = {
    "sqlite": {
        "numbers": "WITH RECURSIVE numbers(n) AS (SELECT {} UNION ALL SELECT n + 1 FROM numbers WHERE n < {})",
        "from": "numbers",
        "moment": "strftime('%%Y-%%m-%%d %%H:%%M:%%f000', %(now)s, ({}) || ' seconds')",
        "between": "strftime('%%Y-%%m-%%d %%H:%%M:%%f000', julianday({0}) + (julianday({1}) - julianday({0})) * {2})",
        "digits": "printf('%%0{1}d', {0})",
    },
    "postgresql": {
        "numbers": "",
        "from": "generate_series({}::bigint, {}) AS numbers(n)",
        "moment": "%(now)s::timestamptz + ({}) * interval '1 second'",
        "between": "{0} + ({1} - {0}) * {2}",
        "digits": "lpad(({0})::text, {1}, '0')",
    },
}
LIFE_COLUMNS = "id integer, story_id bigint, started float, status text, step integer, ended float, reason text"
LIFE_COLUMNS += ", heard float, opted_out float"
ROW_COLUMNS = "life integer, place integer, direction text, status text, body text, created float, due float"
ROW_COLUMNS += ", sent float, text_id bigint, step integer, error_code integer, segments integer, media_urls text"
ASKED_COLUMNS = "life integer, text_id bigint, step integer, asked float, answered float, choice text, keeps text"
ASKED_COLUMNS += ", words text"


@dataclass(frozen=True, slots=True)
class Many:
    """How many rows there are to be, and which ids they get: those after `subscriber` and `enrollment`.

    The passages beyond the number of `readers` are a second story, or a third, of the first ones.
    """

    readers: int
    passages: int
    stories: int
    lives: int
    now: datetime
    subscriber: int
    enrollment: int

    @property
    def reader(self) -> str:
        return f"((n - 1) %% {self.readers} + 1)"

    @property
    def story(self) -> str:
        """Which of the stories it is, counted from 0: another one at each time around."""
        return f"(({self.reader} + (n - 1) / {self.readers}) %% {self.stories})"

    @property
    def life(self) -> str:
        """A life with that story; whoever reads a second one has read it to its end."""
        over = f"(CASE WHEN n > {self.readers} THEN 1 ELSE 0 END)"
        place = f"((n - 1) / {self.stories} * 7919) %% {self.lives}"
        return f"(({over} * {self.stories} + {self.story}) * {self.lives} + {place} + 1)"

    @property
    def earlier(self) -> str:
        """By how many seconds a copy of a life is earlier than the life itself, so that readers are spread."""
        return f"(((n - 1) / {self.lives * self.stories}) * 61 %% {max(int(SPAN / self.lives), 1)})"


def sql(name: str, *values: object) -> str:
    return SQL[connection.vendor][name].format(*values)


def moment(seconds: str) -> str:
    return sql("moment", seconds)


def make_lives_tables(lives: list[tuple[int, Life]]) -> None:
    """Keep these lives, each with the id of its story, in tables that are gone with the connection."""
    lives_rows, rows, asked = [], [], []
    for number, (story, life) in enumerate(lives, start=1):
        lives_rows.append(
            (number, story, life.started, life.status, life.step, life.ended, life.reason, life.heard, life.opted_out)
        )
        rows += [(number, place, *astuple(row)) for place, row in enumerate(life.rows)]
        asked += [(number, *astuple(each)) for each in life.asked]
    fill("made_life", LIFE_COLUMNS, lives_rows)
    fill("made_row", ROW_COLUMNS, rows)
    fill("made_asked", ASKED_COLUMNS, asked)


def fill(table: str, columns: str, rows: list[tuple]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute(f"CREATE TEMPORARY TABLE {table} ({columns})")
        places = ", ".join(["%s"] * len(columns.split(",")))
        cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608
        cursor.execute(f"CREATE INDEX {table}_index ON {table} ({columns.split()[0]})")
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {table}")


def run(statement: str, **values: object) -> int:
    """Run one statement, and return how many rows it made."""
    with connection.cursor() as cursor:
        cursor.execute(statement, {name: prepared(value) for name, value in values.items()})
        if connection.vendor == "postgresql":
            return cursor.rowcount
        # Python's sqlite3 does not count the rows of a statement that begins with its numbers.
        return cursor.execute("SELECT changes()").fetchone()[0]


def reserve(model: type[Model], count: int) -> int:
    """Return the id after which so many are nobody else's."""
    last = model.objects.aggregate(last=Max("pk"))["last"] or 0
    if connection.vendor != "postgresql":
        return last
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [model._meta.db_table])
        sequence = cursor.fetchone()[0]
        cursor.execute("SELECT nextval(%s)", [sequence])
        last = max(last, cursor.fetchone()[0])
        cursor.execute("SELECT setval(%s, %s)", [sequence, last + count])
    return last


@contextmanager
def chunk() -> Iterator[None]:
    """One transaction. The rows are right; to look up each one's reader and story would take most of the time."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
                if cursor.fetchone()[0]:
                    cursor.execute("SET LOCAL session_replication_role = replica")
        yield


def numbers(first: int, last: int) -> tuple[str, str]:
    """Return how a statement begins that has the numbers from `first` to `last`, and from where it selects them."""
    return sql("numbers", first, last), sql("from", first, last)


def make(many: Many, said: Callable[[int], None]) -> int:
    """Make all readers and their passages; return how many messages they have. `said` is told how far it is."""
    messages = 0
    for first in range(1, many.passages + 1, CHUNK):
        last = min(first + CHUNK - 1, many.passages)
        with chunk():
            make_readers(many, first, min(last, many.readers))
            make_enrollments(many, first, last)
            messages += make_messages(many, first, last)
            make_questions(many, first, last)
        said(last)
    return messages


def make_readers(many: Many, first: int, last: int) -> None:
    if first > last:
        return
    with_numbers, numbers_from = numbers(first, last)
    areas, zones = (
        " ".join(f"WHEN {place} THEN '{value}'" for place, value in enumerate(values))
        for values in (AREAS.keys(), AREAS.values())
    )
    area, line = f"n %% {len(AREAS)}", sql("digits", f"n / {len(AREAS)}", 6)
    run(
        f"{with_numbers} INSERT INTO {Subscriber._meta.db_table}"  # noqa: S608
        " (id, phone_number, time_zone, opted_out_at, created_at, heard_at, forgotten_at)"
        f" SELECT {many.subscriber} + n, '+1' || CASE {area} {areas} END || '1' || {line}, CASE {area} {zones} END,"
        f" {moment(f'l.opted_out - {many.earlier}')}, {moment(f'l.started - {many.earlier}')},"
        f" {moment(f'l.heard - {many.earlier}')}, NULL"
        f" FROM {numbers_from} JOIN made_life l ON l.id = {many.life}",
        now=many.now,
    )


def make_enrollments(many: Many, first: int, last: int) -> None:
    with_numbers, numbers_from = numbers(first, last)
    run(
        f"{with_numbers} INSERT INTO {Enrollment._meta.db_table}"  # noqa: S608
        " (id, subscriber_id, story_id, status, step, number, reason, pace, created_at, ended_at)"
        f" SELECT {many.enrollment} + n, {many.subscriber} + {many.reader}, l.story_id, l.status, l.step, %(number)s,"
        f" l.reason, NULL, {moment(f'l.started - {many.earlier}')}, {moment(f'l.ended - {many.earlier}')}"
        f" FROM {numbers_from} JOIN made_life l ON l.id = {many.life}",
        now=many.now,
        number=settings.TWILIO_NUMBER,
    )


MESSAGE_COLUMNS = (
    "(direction, subscriber_id, sender, number, enrollment_id, story_id, text_id, step, automatic, body, lead,"
    " media_urls, sid, status, error_code, reason, attempts, segments, created_at, due_at, begun_at, sent_at,"
    " lease_owner)"
)


def make_messages(many: Many, first: int, last: int) -> int:
    with_numbers, numbers_from = numbers(first, last)
    outbound = "r.direction = 'outbound'"
    went_out = "(r.sent IS NOT NULL OR r.direction = 'inbound')"
    sid = f"'SM' || {sql('digits', f'{many.enrollment} + n', 20)} || {sql('digits', 'r.place', 12)}"
    media = "r.media_urls::jsonb" if connection.vendor == "postgresql" else "r.media_urls"
    # What is to come stays where it is, so that nothing of it is late already.
    due = moment(f"CASE WHEN r.status = 'scheduled' THEN r.due ELSE r.due - {many.earlier} END")
    return run(
        f"{with_numbers} INSERT INTO {Message._meta.db_table} {MESSAGE_COLUMNS}"  # noqa: S608
        f" SELECT r.direction, {many.subscriber} + {many.reader}, '', %(number)s,"
        f" CASE WHEN {outbound} THEN {many.enrollment} + n END, CASE WHEN {outbound} THEN l.story_id END,"
        f" r.text_id, r.step, '', r.body, '', {media}, CASE WHEN {went_out} THEN {sid} END, r.status, r.error_code,"
        f" '', CASE WHEN {outbound} AND r.status <> 'scheduled' THEN 1 ELSE 0 END, r.segments,"
        f" {moment(f'r.created - {many.earlier}')}, {due}, {moment(f'r.sent - {many.earlier}')},"
        f" {moment(f'r.sent - {many.earlier}')}, ''"
        f" FROM {numbers_from} JOIN made_life l ON l.id = {many.life} JOIN made_row r ON r.life = l.id",
        now=many.now,
        number=settings.TWILIO_NUMBER,
    )


def make_questions(many: Many, first: int, last: int) -> None:
    with_numbers, numbers_from = numbers(first, last)
    run(
        f"{with_numbers} INSERT INTO {Question._meta.db_table}"  # noqa: S608
        " (enrollment_id, step, text_id, asked_at, hints, answered_at, choice, keeps, words)"
        f" SELECT {many.enrollment} + n, a.step, a.text_id, {moment(f'a.asked - {many.earlier}')}, 0,"
        f" {moment(f'a.answered - {many.earlier}')}, a.choice, a.keeps, a.words"
        f" FROM {numbers_from} JOIN made_asked a ON a.life = {many.life}",
        now=many.now,
    )


def make_remarks(many: Many, count: int, said: Callable[[int], None]) -> None:
    """Let readers have written so much besides, each between the day when they joined and when they were last heard."""
    texts = " ".join(f"WHEN {place} THEN '{remark}'" for place, remark in enumerate(REMARKS))
    fraction = "((n * 31) %% 1000) / 1000.0"
    for first in range(1, count + 1, CHUNK * 10):
        last = min(first + CHUNK * 10 - 1, count)
        with_numbers, numbers_from = numbers(first, last)
        sid = f"'SM' || {sql('digits', many.enrollment, 16)} || {sql('digits', 'n', 15)} || 'e'"
        with chunk():
            run(
                f"{with_numbers} INSERT INTO {Message._meta.db_table} {MESSAGE_COLUMNS}"  # noqa: S608
                f" SELECT 'inbound', s.id, '', %(number)s, NULL, NULL, NULL, NULL, '', CASE n %% {len(REMARKS)} {texts}"
                f" END, '', '[]', {sid}, 'received', NULL, '', 0, 1,"
                f" {sql('between', 's.created_at', 's.heard_at', fraction)}, NULL, NULL, NULL, ''"
                f" FROM {numbers_from}"
                f" JOIN {Subscriber._meta.db_table} s ON s.id = {many.subscriber} + (n * 7919) %% {many.readers} + 1",
                number=settings.TWILIO_NUMBER,
            )
        said(last)
