"""Let PostgreSQL itself take a deleted text off its messages: one of them may be written while the text is deleted.

Django looks for them before it deletes the text; a reader who begins between the two would break the deletion off.
"""

from django.db import migrations

TABLE, COLUMN = "subscribers_message", "text_id"


def refer(action: str):
    def run(apps, schema_editor):
        # On SQLite nobody writes between the two.
        if schema_editor.connection.vendor != "postgresql":
            return
        with schema_editor.connection.cursor() as cursor:
            constraints = schema_editor.connection.introspection.get_constraints(cursor, TABLE)
        [name] = [name for name, of in constraints.items() if of["foreign_key"] and of["columns"] == [COLUMN]]
        schema_editor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {schema_editor.quote_name(name)}")
        # Rows that are there meet it already: looked at one by one without keeping anybody from writing.
        schema_editor.execute(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT {schema_editor.quote_name(name)} FOREIGN KEY ({COLUMN}) "
            f"REFERENCES stories_storytext (id) {action} DEFERRABLE INITIALLY DEFERRED NOT VALID"
        )
        schema_editor.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {schema_editor.quote_name(name)}")

    return run


class Migration(migrations.Migration):
    dependencies = [
        ("subscribers", "0006_remember_when_readers_wrote"),
        ("stories", "0007_create_prices"),
    ]
    operations = [migrations.RunPython(refer("ON DELETE SET NULL"), refer(""))]
