"""The figures that pages give: limits of the code, sums by the prices, and what the kept run of the benchmark said."""

import json
import re
from datetime import timedelta

import pytest
from django.conf import settings

from stories import fetching, media, turns, waits
from stories.models import BODY_MAX_LENGTH
from stories.prices import Price
from stories.scripts import files, importing
from stories.segments import GSM7_LIMITS, UCS2_LIMITS, measure
from subscribers import correcting, questions
from subscribers.admin import adding, bulk, exports

from .pages import DOCS, ROOT

LIMITS = (DOCS / "limits-and-costs.md").read_text(encoding="utf-8")
COMPARISON = (DOCS / "comparison.md").read_text(encoding="utf-8")
ROBUSTNESS = (DOCS / "robustness.md").read_text(encoding="utf-8")
# The last run that was kept.
RUN = json.loads(max((ROOT / "bench" / "results").glob("*.json")).read_text(encoding="utf-8"))


def below(page: str, heading: str) -> str:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows_of(part: str) -> list[list[str]]:
    """Return the cells of each row of the tables in this part of a page."""
    return [[cell.strip() for cell in row.split(" | ")] for row in re.findall(r"^\| (.*) \|$", part, re.MULTILINE)]


def cells(page: str, heading: str) -> dict[str, list[str]]:
    """Return the rows below this heading by their first cells."""
    return {first: rest for first, *rest in rows_of(below(page, heading))}


@pytest.mark.parametrize(
    ("heading", "what", "figure"),
    [
        ("What a story may be", "a text", f"{BODY_MAX_LENGTH:,} characters"),
        ("What a story may be", "texts in a story", f"{importing.TEXTS_MAX:,}"),
        ("What a story may be", "a wait", f"{waits.WAIT_MAX // timedelta(days=1):,} days"),
        ("What a story may be", "answers to a question", f"{turns.CHOICES_MAX}"),
        (
            "What a story may be",
            "an answer that is kept, as later texts say it",
            f"{turns.WORDS_MAX_LENGTH} characters",
        ),
        ("What a story may be", "hints to who answers something else", f"{questions.HINTS_MAX} "),
        ("What a story may be", "an uploaded picture", f"{media.UPLOAD_BYTES_MAX / 1e6:.0f} MB"),
        ("What a story may be", "an uploaded picture", f"{media.JPEG_MEGAPIXELS_MAX} megapixels"),
        ("What a story may be", "an uploaded picture", f"{media.BYTES_MAX:,} bytes and {media.SIDE_MAX:,} pixels"),
        ("What a story may be", "a linked picture", f"{fetching.LINK_BYTES_MAX / 1e6:.0f} MB"),
        ("What a story may be", "a script or a table that is imported", f"{files.FILE_MAX_BYTES / 1e6:.0f} MB"),
        (
            "What a newsroom may do at once",
            "readers in one step of the lists (pause, resume, stop, send now)",
            f"{bulk.MANY:,}",
        ),
        ("What a newsroom may do at once", "a file of readers to add", f"{adding.FILE_MAX_BYTES:,} bytes"),
        ("What a newsroom may do at once", "a correction", f"{correcting.PER_SECOND} in a second"),
        ("What a newsroom may do at once", "large exports that one account waits for", f"{exports.WAITING_MAX}"),
        (
            "What a newsroom may do at once",
            "answers of the system to one number",
            f"{settings.ANSWERS_PER_HOUR} an hour",
        ),
    ],
)
def test_a_limit_is_that_of_the_code(heading, what, figure):
    assert figure in cells(LIMITS, heading)[what][0]


def test_what_a_segment_holds_is_what_is_counted():
    figures = re.findall(r"\b\d{2,3}\b", below(LIMITS, "What a segment holds"))
    assert [int(figure) for figure in figures] == [*GSM7_LIMITS, *UCS2_LIMITS]


@pytest.mark.parametrize(
    ("texts", "curly", "pictures", "readers"),
    [(25, 0, 0, 1000), (25, 25, 0, 1000), (25, 0, 3, 1000), (25, 0, 0, 1_000_000)],
)
def test_a_story_costs_what_the_newsroom_would_reckon(texts, curly, pictures, readers):
    words = ["“" + "a" * 80 if place < curly else "a" * 80 for place in range(texts)]
    cost = Price().cost_of(((measure(body), place < pictures) for place, body in enumerate(words)), readers)
    sums = [row[1:] for row in rows_of(below(LIMITS, "What it costs"))]
    assert [f"{readers:,}", f"{cost.total:,.2f} USD"] in sums


def test_the_prices_are_those_with_which_a_newsroom_starts():
    price, rows = Price(), cells(LIMITS, "What it costs")
    assert rows["each segment that is sent"][1] == f"{price.sms_segment} USD and {price.sms_fee} USD"
    assert rows["each text with a picture"][1] == f"{price.mms} USD and {price.mms_fee} USD"


def median(group: str, subject: str, figure: str, database: str = "", **about) -> float:
    """Return one figure of the kept run."""
    [found] = [
        result["median"][figure]
        for result in RUN["results"]
        if (result["group"], result["subject"], result["database"]) == (group, subject, database)
        and about.items() <= result["about"].items()
    ]
    return found


def burst(subject: str, database: str = "") -> list[str]:
    own = {"texts": 2000, "sleepers": 0} if subject == "engine" else {}
    return [
        f"{median('burst', subject, 'texts_a_second', database, **own):,.0f}",
        f"{median('burst', subject, 'sender_cpu_ms_a_text', database, **own):.2g}",
    ]


def test_the_figures_of_the_script_of_2018_are_those_of_the_run():
    rows = cells(COMPARISON, "A script and a loop")
    loop = median("burst", "loop of 2018", "texts_a_second")
    ours = [burst("engine", database) for database in ("sqlite", "postgresql")]
    assert rows["texts a second, where the carrier answers in 150 ms"] == [f"{loop:.1f}", *(text for text, _ in ours)]
    cpu = median("burst", "loop of 2018", "sender_cpu_ms_a_text")
    assert rows["CPU of the sender for each text, in ms"] == [f"{cpu:.2g}", *(ms for _, ms in ours)]
    begins = [
        median("webhooks", "engine", "posts_a_second", database, kind="a new reader begins")
        for database in ("sqlite", "postgresql")
    ]
    posts = [median("webhooks", "view of 2018", "posts_a_second"), *begins]
    assert rows["webhooks a second in which a new reader begins"] == [f"{figure:.0f}" for figure in posts]


def test_the_figures_of_celery_are_those_of_the_run():
    rows = cells(COMPARISON, "Celery")
    assert rows["Celery on Redis, which records nothing"] == burst("bare celery")
    assert rows["Text-Engine on SQLite"] == burst("engine", "sqlite")
    assert rows["Text-Engine on PostgreSQL"] == burst("engine", "postgresql")
    assert rows["Celery on Redis, the same work, on SQLite"] == burst("celery", "sqlite")
    assert rows["Celery on Redis, the same work, on PostgreSQL"] == burst("celery", "postgresql")
    lost = median("burst", "celery", "unrecorded", "sqlite")
    assert f"sent {lost:.0f} of the 2,000 without being able to record it" in COMPARISON
    sleepers = [median("memory", "bare celery", name) for name in ("growth_megabytes", "redis_growth_megabytes")]
    assert rows["Celery, which records nothing"] == [f"{figure:.0f} MB" for figure in sleepers]
    assert rows["Text-Engine"][0] == f"{median('memory', 'engine', 'growth_megabytes', 'sqlite'):.1f} MB"


def test_the_figures_of_a_task_a_text_are_those_of_the_run():
    part = below(COMPARISON, "A task for each text, on django-q2 alone")
    for database in ("sqlite", "postgresql"):
        assert f"{median('burst', 'a task a text', 'texts_a_second', database):.0f}" in part


def test_each_migration_since_the_first_release_has_its_row():
    told = [name for name in cells(ROBUSTNESS, "Migrations of a million readers") if "." in name]
    there = [
        f"{app}.{path.stem}"
        for app in ("stories", "subscribers")
        for path in sorted((ROOT / app / "migrations").glob("[0-9]*.py"))
        if not path.stem.startswith("0001_")
    ]
    assert told == there, "Measure them anew: python -m textengine.tests.migrating"
