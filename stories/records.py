"""What the history keeps, and when: rows as django-simple-history lays them out, written once a save."""

from django.db import models
from simple_history.models import HistoricalRecords


class Records(HistoricalRecords):
    """Earlier states of a model's rows, written by history.keep() alone.

    The library would write one at every save() and delete() of a row: twice for a text that is saved and then moved,
    never for what bulk_update() does, and 200 times for a story of 200 texts.
    """

    def post_save(self, instance, created, using=None, **kwargs):
        pass

    def pre_delete(self, instance, **kwargs):
        pass

    def post_delete(self, instance, using=None, **kwargs):
        pass


class Entry(models.Model):
    """One save of a story: the row of the story itself, and which texts it then had."""

    order = models.JSONField(default=list, help_text="The ids of the story's texts, first to last.")

    class Meta:
        abstract = True
