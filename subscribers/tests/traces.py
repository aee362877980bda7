"""What is left of a reader, for tests."""

import time
from datetime import timedelta

from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from subscribers.erasing import erase
from subscribers.models import Subscriber

from .engine import work

LATER = timedelta(hours=2)


def erase_all() -> None:
    """Send what is due, and erase until nothing is left to do."""
    work()
    moment = timezone.now()
    for _ in range(8):
        time.sleep(0.05)
        moment += LATER
        erase(moment)


def traces(number: str) -> list[str]:
    """Return the tables in which this number stands anywhere."""
    found = []
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            if any(number.lstrip("+") in str(value) for row in cursor.fetchall() for value in row):
                found.append(table)
    return found


def rows_of_readers() -> set[type[models.Model]]:
    """Return the models whose rows cannot be without a reader: those that lead to one, over however many others."""
    found, waiting = {Subscriber}, [Subscriber]
    while waiting:
        for relation in relations(waiting.pop()):
            if relation.on_delete is not models.SET_NULL and relation.related_model not in found:
                found.add(relation.related_model)
                waiting.append(relation.related_model)
    return found


def pointers_at_readers() -> set[tuple[type[models.Model], str]]:
    """Return the fields that may point at a reader, or at a row of one, but need not; also those without a relation."""
    pointers = {
        (relation.related_model, relation.field.name)
        for model in rows_of_readers()
        for relation in relations(model)
        if relation.on_delete is models.SET_NULL
    }
    named = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.name == "subscriber" and not field.is_relation
    }
    return pointers | named


def relations(model: type[models.Model]) -> list[models.ForeignObjectRel]:
    """Return the relations by which others point at this model, but for those that go over a model of their own."""
    found = model._meta.get_fields(include_hidden=True)
    return [each for each in found if each.auto_created and not each.concrete and not each.many_to_many]
