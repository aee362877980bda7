"""Let PostgreSQL itself take a deleted text off its messages: one of them may be written while the text is deleted.

Django looks for them before it deletes the text; a reader who begins between the two would break the deletion off.
"""

from django.db import migrations, transaction

from textengine import operations

TABLE, COLUMN = "subscribers_message", "text_id"
NEW = "subscribers_message_text_new"


def refer(action: str):
    def run(apps, schema_editor):
        # On SQLite nobody writes between the two.
        if schema_editor.connection.vendor != "postgresql":
            return
        with schema_editor.connection.cursor() as cursor:
            constraints = schema_editor.connection.introspection.get_constraints(cursor, TABLE)
        present = [name for name, of in constraints.items() if of["foreign_key"] and of["columns"] == [COLUMN]]
        [name] = [name for name in present if name != NEW]
        quoted = schema_editor.quote_name(name)
        schema_editor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS {NEW}")
        # Rows that are there meet it already: looked at one by one without keeping anybody from writing.
        schema_editor.execute(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT {NEW} FOREIGN KEY ({COLUMN}) "
            f"REFERENCES stories_storytext (id) {action} DEFERRABLE INITIALLY DEFERRED NOT VALID"
        )
        schema_editor.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {NEW}")
        with transaction.atomic(schema_editor.connection.alias):
            schema_editor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {quoted}")
            schema_editor.execute(f"ALTER TABLE {TABLE} RENAME CONSTRAINT {NEW} TO {quoted}")

    return run


class Migration(migrations.Migration):
    atomic = operations.in_one_transaction()

    dependencies = [
        ("subscribers", "0006_remember_when_readers_wrote"),
        ("stories", "0007_create_prices"),
    ]
    operations = [migrations.RunPython(refer("ON DELETE SET NULL"), refer(""), atomic=operations.in_one_transaction())]
