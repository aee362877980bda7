import sys
from collections.abc import Iterator

from django.core.management.base import BaseCommand
from django.db import DatabaseError
from django.utils import timezone

from textengine.carrier import CarrierError
from textengine.doctor import Finding, Grade, account, inside, note, outside, wrong


class Command(BaseCommand):
    help = "Look at a running installation from all sides; say what is wrong, and how to mend it."
    # It says what they find, among others.
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "--fix", action="store_true", help="have Twilio take what readers text to PUBLIC_URL, if that answers"
        )

    def handle(self, *args, fix, **options):
        grades = []
        for finding in self.findings(fix):
            grades.append(finding.grade)
            self.stdout.write(str(finding))
        if Grade.WRONG in grades:
            sys.exit(1)

    def findings(self, fix: bool) -> Iterator[Finding]:
        """Look at one part after the other; what needs another part is left out where that is broken."""
        now = timezone.now()
        settings = list(inside.look_at_settings())
        database = list(inside.look_at_database(now))
        yield from (*settings, *database)
        if usable(database):
            try:
                yield from inside.look_at_worker(now)
            except DatabaseError as error:
                yield wrong("worker", f"cannot be asked for ({error}).", "See what stands under “database”.")
        yield from inside.look_at_clock()
        address = list(outside.look_at_address())
        yield from address
        if usable(address):
            yield from outside.look_at_webhooks()
            if usable(database):
                yield from outside.look_at_pictures()
        yield from self.of_account(fix, usable(address))

    def of_account(self, fix: bool, is_reachable: bool) -> Iterator[Finding]:
        found = list(account.look_at_account())
        yield from found
        if not usable(found):
            return
        try:
            inboxes = account.inboxes()
            if fix and not is_reachable:
                yield note("number", "nothing was set at Twilio: PUBLIC_URL does not lead to us.", "Mend that first.")
            elif fix:
                for inbox in account.mended(inboxes):
                    yield note("number", f"texts to {inbox.name} were taken to {account.shown(inbox.url)} until now.")
                inboxes = account.inboxes()
            yield from account.look_at_inboxes(inboxes)
        except CarrierError as error:
            yield wrong("number", f"cannot be asked for: {error.reason}.", "See what stands under “account”.")


def usable(found: list[Finding]) -> bool:
    return all(finding.grade is not Grade.WRONG for finding in found)
