from django.contrib.auth.models import User
from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError

from textengine.second_factor import take_off


class Command(BaseCommand):
    help = "Take the second factor off an account whose phone and paper are lost; the password stays."
    requires_system_checks = [Tags.files, Tags.models]

    def add_arguments(self, parser):
        parser.add_argument("name", help="what the person logs in with")

    def handle(self, *args, name, **options):
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no account {name}.")
        take_off(user)
        self.stdout.write(f"{name} logs in with the password alone, until a second factor is set up again.")
