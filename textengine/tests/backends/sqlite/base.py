from django.db.backends.sqlite3.creation import DatabaseCreation

from textengine.sqlite import base
from textengine.tests.backends import KeepsTables


class Creation(KeepsTables, DatabaseCreation):
    pass


class DatabaseWrapper(base.DatabaseWrapper):
    creation_class = Creation
