from django.contrib.auth.models import User
from django.core.checks import Tags
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from textengine.accounts import GROUPS, make_account


class Command(BaseCommand):
    help = "Make an account for a journalist, an editor, a desk chief or an operator, and print its password this once."
    # Not the carrier, which it does not use: beside `make run`, whose `.env` does not name the sandbox, it works too.
    requires_system_checks = [Tags.files, Tags.models]

    def add_arguments(self, parser):
        parser.add_argument("name", help="what the person logs in with")
        parser.add_argument("role", choices=GROUPS)

    def handle(self, *args, name, role, **options):
        try:
            User._meta.get_field("username").clean(name, None)
            User(username=name).validate_unique()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        password = make_account(name, role)
        self.stdout.write(f"{name} logs in with the password {password} and may change it there.")
