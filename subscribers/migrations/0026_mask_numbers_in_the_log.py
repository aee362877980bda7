from django.db import migrations


def mask(apps, schema_editor):
    """Take whole numbers out of the names under which the newsroom's log of changes keeps readers."""
    LogEntry, ContentType = apps.get_model("admin", "LogEntry"), apps.get_model("contenttypes", "ContentType")
    Subscriber, Enrollment = (apps.get_model("subscribers", name) for name in ("Subscriber", "Enrollment"))
    for model, field in ((Subscriber, "phone_number"), (Enrollment, "subscriber__phone_number")):
        kind = ContentType.objects.filter(app_label="subscribers", model=model._meta.model_name).first()
        entries = LogEntry.objects.filter(content_type=kind, object_repr__startswith="+") if kind else []
        for entry in entries:
            number, space, rest = entry.object_repr.partition(" in ")
            known = model.objects.filter(pk=entry.object_id).values_list(field, flat=True).first()
            country = f"+{known.country_code} " if known else ""
            entry.object_repr = f"{country}… {number[-2:]}{space}{rest}"
            entry.save(update_fields=["object_repr"])


class Migration(migrations.Migration):
    dependencies = [
        ("subscribers", "0025_set_up_roles"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [migrations.RunPython(mask, migrations.RunPython.noop)]
