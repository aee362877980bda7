"""Operations of migrations for the tables that have millions of rows, on PostgreSQL while others read and write.

A migration of these is `atomic = in_one_transaction()`, so that nothing it locks stays locked longer than one statement
takes. As it may then be interrupted halfway, each of these operations can be done once more: what is there already is
left, and an index that was not finished is made anew. On SQLite they are Django's own, in one transaction; only an
index is made anew there, too, since some were made by an earlier migration until that was found to take long.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import BaseConstraint, CheckConstraint, Model

NEW = "_new"


def in_one_transaction() -> bool:
    return connection.vendor != "postgresql"


def is_careful(schema_editor: BaseDatabaseSchemaEditor) -> bool:
    return schema_editor.connection.vendor == "postgresql" and not schema_editor.atomic_migration


@contextmanager
def patiently(schema_editor: BaseDatabaseSchemaEditor) -> Iterator[None]:
    """Wait for transactions of others as long as they take: nobody waits for this."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        [before] = cursor.fetchone()
        cursor.execute("SET lock_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"SET lock_timeout = '{before}'")


class CreateModel(migrations.CreateModel):
    """Make a table, whole or not at all, unless it is there."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        table = to_state.apps.get_model(app_label, self.name)._meta.db_table
        if not is_careful(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif table not in schema_editor.connection.introspection.table_names():
            with transaction.atomic(schema_editor.connection.alias):
                super().database_forwards(app_label, schema_editor, from_state, to_state)
                run_deferred(schema_editor)


class AddField(migrations.AddField):
    """Add a column, unless it is there."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if not is_careful(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if model._meta.get_field(self.name).column not in columns_of(schema_editor, model):
            with transaction.atomic(schema_editor.connection.alias):
                super().database_forwards(app_label, schema_editor, from_state, to_state)
                run_deferred(schema_editor)


class RemoveFieldIndex(migrations.AlterField):
    """Let a reference have no index of its own any more: Django would make the reference anew, and look at all rows."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if not is_careful(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        column, table = model._meta.get_field(self.name).column, model._meta.db_table
        with schema_editor.connection.cursor() as cursor:
            constraints = schema_editor.connection.introspection.get_constraints(cursor, table)
        kept = {index.name for index in model._meta.indexes} | {each.name for each in model._meta.constraints}
        with patiently(schema_editor):
            for name, of in constraints.items():
                if of["index"] and not of["unique"] and of["columns"] == [column] and name not in kept:
                    drop_index(schema_editor, name)


class AddIndex(migrations.AddIndex):
    """Add an index while others write, in place of one of its name."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if not is_careful(schema_editor):
            schema_editor.execute(f"DROP INDEX IF EXISTS {schema_editor.quote_name(self.index.name)}")
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        with patiently(schema_editor):
            drop_index(schema_editor, self.index.name)
            model = to_state.apps.get_model(app_label, self.model_name)
            schema_editor.add_index(model, self.index, concurrently=True)


class RemoveIndex(migrations.RemoveIndex):
    """Remove an index, if it is there, while others write."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if not is_careful(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        with patiently(schema_editor):
            drop_index(schema_editor, self.name)


class AddConstraint(migrations.AddConstraint):
    """Add a check, or a unique constraint that has a condition, while others write."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if is_careful(schema_editor):
            put_constraint(schema_editor, to_state.apps.get_model(app_label, self.model_name), self.constraint)
        else:
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class ReplaceConstraint(migrations.AddConstraint):
    """Let a constraint of the same name take the place of another, so that one of them holds at every moment."""

    def state_forwards(self, app_label, state):
        state.remove_constraint(app_label, self.model_name_lower, self.constraint.name)
        super().state_forwards(app_label, state)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        self.replace(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        self.replace(app_label, schema_editor, from_state, to_state)

    def replace(self, app_label, schema_editor, from_state, to_state):
        name, key = self.constraint.name, (app_label, self.model_name_lower)
        model, constraint = to_state.apps.get_model(*key), to_state.models[key].get_constraint_by_name(name)
        if is_careful(schema_editor):
            put_constraint(schema_editor, model, constraint)
        else:
            before = from_state.models[key].get_constraint_by_name(name)
            schema_editor.remove_constraint(from_state.apps.get_model(*key), before)
            schema_editor.add_constraint(model, constraint)

    def describe(self):
        return f"Replace constraint {self.constraint.name} on model {self.model_name}"


def put_constraint(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], constraint: BaseConstraint) -> None:
    """Make a constraint beside the one that has its name, if any, and then let it take that one's place."""
    if isinstance(constraint, CheckConstraint):
        put_check(schema_editor, model, constraint)
    else:
        put_unique(schema_editor, model, constraint)


def put_check(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], check: CheckConstraint) -> None:
    table, new = (schema_editor.quote_name(name) for name in (model._meta.db_table, check.name + NEW))
    name, statement = schema_editor.quote_name(check.name), check.create_sql(model, schema_editor)
    statement.parts["name"] = new
    schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {new}")
    schema_editor.execute(f"{statement} NOT VALID", params=None)
    # It reads all rows, and keeps nobody from writing.
    schema_editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {new}")
    with transaction.atomic(schema_editor.connection.alias):
        schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
        schema_editor.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {new} TO {name}")


def put_unique(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], constraint: BaseConstraint) -> None:
    name, new = (schema_editor.quote_name(name) for name in (constraint.name, constraint.name + NEW))
    statement = constraint.create_sql(model, schema_editor)
    statement.parts["name"] = new
    with patiently(schema_editor):
        drop_index(schema_editor, constraint.name + NEW)
        # Without a condition it would be a constraint of the table, and no index by itself.
        concurrently = str(statement).replace("CREATE UNIQUE INDEX", "CREATE UNIQUE INDEX CONCURRENTLY", 1)
        schema_editor.execute(concurrently, params=None)
    with transaction.atomic(schema_editor.connection.alias):
        schema_editor.execute(f"DROP INDEX IF EXISTS {name}")
        schema_editor.execute(f"ALTER INDEX {new} RENAME TO {name}")


def drop_index(schema_editor: BaseDatabaseSchemaEditor, name: str) -> None:
    schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(name)}")


def columns_of(schema_editor: BaseDatabaseSchemaEditor, model: type[Model]) -> set[str]:
    with schema_editor.connection.cursor() as cursor:
        found = schema_editor.connection.introspection.get_table_description(cursor, model._meta.db_table)
    return {column.name for column in found}


def run_deferred(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Do now what belongs to a table that was made and would otherwise come at the migration's end."""
    while schema_editor.deferred_sql:
        schema_editor.execute(schema_editor.deferred_sql.pop(0), params=None)
