"""Each alert of docs/alerts.yml fires for what it is there for, alone, and for nothing before: as Prometheus sees it.

What is true at two moments is read from /metrics; promtool, which Prometheus brings along, takes it for an hour of the
one and then for more of the other, and evaluates the rules.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import OrmQ

from stories.tests.factory import make_story
from subscribers.heartbeats import beat
from subscribers.models import Heartbeat, Hold, Message
from subscribers.models.heartbeats import SILENT

from . import webhooks
from .engine import work
from .factory import make_enrollment, make_subscriber
from .scraped import Scrape

pytestmark = pytest.mark.django_db

DOCS = Path(settings.BASE_DIR, "docs")
RULES = DOCS / "alerts.yml"
ALERTS = re.findall(r"- alert: (\w+)", RULES.read_text())
PAGE = (DOCS / "alerts.md").read_text()
# How many minutes the state before and the one after the fault last; the latter is longer than any rule waits.
BEFORE, AFTER = 60, 70
# When to look, counted from the fault: past most rules' waits, while the last ten minutes still show it.
SOON = 6


@pytest.fixture(scope="session")
def promtool() -> str:
    found = shutil.which("promtool")
    if not found and os.environ.get("CI") == "true":
        pytest.fail("promtool was not found; .ci/run gets it.")
    return found or pytest.skip("promtool was not found (on Debian and Ubuntu: apt install prometheus).")


@pytest.fixture
def fires(promtool, tmp_path) -> Callable:
    """Fail unless these alerts, and no others, fire so many minutes after a change, and none fired before it.

    What could not be scraped after it is None.
    """

    def fires(alerts: set[str], before: Scrape, after: Scrape | None, minutes: int) -> None:
        looks = [(BEFORE - 1, set()), (BEFORE + minutes, alerts)]
        test = {
            "interval": "1m",
            "input_series": [
                {"series": name, "values": f"{lasting(before.get(name), BEFORE)} {lasting(value, AFTER)}"}
                for name, value in {**before, **dict.fromkeys(before), **(after or {})}.items()
            ]
            + [{"series": 'up{job="text-engine"}', "values": f"1x{BEFORE - 1} {int(after is not None)}x{AFTER}"}],
            "promql_expr_test": [
                {
                    "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": f"{minute}m",
                    "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)],
                }
                for minute, expected in looks
            ],
        }
        document = tmp_path / "alerts.json"
        document.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
        ended = subprocess.run([promtool, "test", "rules", document], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    return fires


def lasting(value: float | None, minutes: int) -> str:
    """Return a value for so many minutes, in promtool's notation; None: there is none."""
    return f"_x{minutes}" if value is None else f"{value:.6f}+0x{minutes - 1}"


def make_due(count: int, **late) -> list[Message]:
    """Return the first texts of so many readers, due for so long."""
    story = make_story(texts=[("One", 0)])
    for _ in range(count):
        make_enrollment(make_subscriber(), story)
    due = Message.objects.filter(story=story)
    due.update(due_at=timezone.now() - timezone.timedelta(**late))
    return list(due.select_related("subscriber"))


# What goes wrong, one function for each alert


def without_worker(sandbox) -> None:
    Heartbeat.objects.update(seen_at=timezone.now() - 2 * SILENT)


def carrier_wants_less(sandbox) -> None:
    make_due(1, minutes=3)
    sandbox.faults({"next": [{"kind": "429", "count": 1}]})
    work()


def account_is_closed(sandbox) -> None:
    [message] = make_due(1)
    sandbox.faults({"numbers": {str(message.subscriber.phone_number): "20005"}})
    work()


def story_is_held(sandbox) -> None:
    Hold.objects.create(story=make_story(), reason="A mistake")


def texts_leave_late(sandbox) -> None:
    make_due(3, seconds=50)
    work()


def nobody_takes_tasks(sandbox) -> None:
    OrmQ.objects.bulk_create(OrmQ(key="default", payload="", lock=timezone.now()) for _ in range(201))


def carrier_is_broken(sandbox) -> None:
    make_due(7)
    sandbox.faults({"next": [{"kind": "500", "count": 7}]})
    work()


def carrier_is_slow(sandbox) -> None:
    make_due(3)
    sandbox.faults({"latency": 1.1})
    work()


def numbers_are_landlines(sandbox) -> None:
    numbers = [str(message.subscriber.phone_number) for message in make_due(7)]
    sandbox.faults({"numbers": dict.fromkeys(numbers, "landline")})
    work()


def readers_have_enough(sandbox) -> None:
    for last in range(11):
        webhooks.text("STOP", f"+141555502{last:02}")


def webhook_breaks(sandbox) -> None:
    with connection.execute_wrapper(refused):
        assert webhooks.text("Hello").status_code == 503


def refused(execute, sql, params, many, context):
    raise OperationalError("The database is away.")


def signatures_are_wrong(sandbox) -> None:
    for _ in range(11):
        webhooks.signed_post(webhooks.INBOUND, {}, token="of somebody else")


def database_is_slow(sandbox) -> None:
    with connection.execute_wrapper(slowly):
        webhooks.text("Hello")


def slowly(execute, sql, params, many, context):
    time.sleep(0.2)
    return execute(sql, params, many, context)


CAUSES = {
    "TextEngineWithoutWorker": without_worker,
    "TextEngineOverdue": carrier_wants_less,
    "TextEngineHeld": account_is_closed,
    "TextEngineHeldInPart": story_is_held,
    "TextEngineLate": texts_leave_late,
    "TextEngineTasksWait": nobody_takes_tasks,
    "TextEngineCarrierFails": carrier_is_broken,
    "TextEngineCarrierSlow": carrier_is_slow,
    "TextEngineTextsLost": numbers_are_landlines,
    "TextEngineOptOuts": readers_have_enough,
    "TextEngineWebhookFails": webhook_breaks,
    "TextEngineWebhookRefused": signatures_are_wrong,
    "TextEngineWebhookSlow": database_is_slow,
}
LATER = {"TextEngineHeldInPart": 61, "TextEngineTasksWait": 11}


@pytest.mark.parametrize("alert", [alert for alert in ALERTS if alert != "TextEngineUnreachable"])
def test_each_alert_fires_for_what_it_is_there_for(alert, scrape, fires, sandbox, django_capture_on_commit_callbacks):
    beat(timezone.now())
    before = scrape()
    with django_capture_on_commit_callbacks(execute=True):
        CAUSES[alert](sandbox)
    fires({alert}, before, scrape(), LATER.get(alert, SOON))


def test_an_error_instead_of_metrics_is_told_as_well_as_no_answer(scrape, fires, client, monkeypatch):
    beat(timezone.now())
    before = scrape()
    with connection.execute_wrapper(refused), pytest.raises(OperationalError, match="away"):
        scrape()
    fires({"TextEngineUnreachable"}, before, None, SOON)


def test_the_rules_are_as_prometheus_wants_them(promtool):
    subprocess.run([promtool, "check", "rules", RULES], check=True, capture_output=True)


def test_each_alert_and_each_metric_is_explained(scrape):
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == ALERTS
    beat(timezone.now())
    told = {re.sub(r"(_total|_bucket|_count|_sum)?(\{.*)?$", "", name, count=1) for name in scrape()}
    assert set(re.findall(r"^\| `(textengine_\w+)`", PAGE, re.MULTILINE)) == told
