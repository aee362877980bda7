"""The own phone of an account: it is entered, confirmed by a code that is texted to it, changed and removed."""

import logging
import secrets
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef

from textengine.database import retried_at_once

from . import erasing, rehearsals
from .inbound import is_allowed
from .models import Enrollment, Hold, Message, OwnPhone, Subscriber, masked

logger = logging.getLogger(__name__)

CODE_DIGITS = 6
WORDS = (
    "Your code is {code}. It lets rehearsals of your stories come to this phone. If you did not ask for it, ignore it."
)
OPTED_OUT = (
    "This phone has texted STOP, so nothing is sent to it, neither a code nor a rehearsal. Text START from it to our "
    "number; then try again."
)
NOT_ALLOWED = "No texts go to the country of this number (ALLOWED_COUNTRIES). Enter another phone's."
HELD = "Everything is on hold, so no code would go out now. Ask for one when the hold is released."
TOO_MANY = "That were many codes within an hour. Wait a while before you ask for another one."
NO_CODE = "This code does not count any more. Ask for a new one."
WRONG_CODE = "That is not the code that was texted to this phone. Look again."
NOT_SIX = "A code has six digits."


class Refusal(Exception):
    """A sentence that says why something is not done, and what to do instead."""


@retried_at_once
def ask_code(user: User, number: str, now: datetime) -> OwnPhone:
    """Make `number`, in E.164, the phone of this account, and text a code to it that confirms it.

    A phone that has texted STOP or FORGET gets none, and who asks does not learn that: it may be any reader's. Raises
    Refusal; the phone that the account had until then is kept in that case.
    """
    own = locked(user)
    if obstacle := obstacle_to_code(own, number, now):
        raise Refusal(obstacle)
    phone = locked_phone(number)
    if own.subscriber_id != phone.pk:
        leave(own, now)
    own.subscriber, own.confirmed_at = phone, None
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    is_silent = phone.opted_out_at or phone.forgotten_at
    own.take_code(code, None if is_silent else text(phone, WORDS.format(code=code), now), now)
    own.save()
    logger.info("own_phone.code user=%s number=%s", user.pk, masked(phone.phone_number))
    return own


def obstacle_to_code(own: OwnPhone, number: str, now: datetime) -> str:
    """Return why no code goes out now, nothing if one does; it says nothing of who has this number."""
    if not own.may_have_code(now):
        return TOO_MANY
    if not is_allowed(number):
        return NOT_ALLOWED
    return HELD if Hold.objects.active().filter(story=None).exists() else ""


def locked_phone(number: str) -> Subscriber:
    """Return who has this number, locked; who had opted out before all was erased still has."""
    defaults = {"opted_out_at": erasing.stopped_at(number)}
    phone, _ = Subscriber.objects.get_or_create(phone_number=number, defaults=defaults)
    return Subscriber.objects.locked().get(pk=phone.pk)


def text(phone: Subscriber, body: str, now: datetime) -> Message:
    return Message.objects.create(
        direction=Message.Direction.OUTBOUND,
        status=Message.Status.SCHEDULED,
        subscriber=phone,
        body=body,
        due_at=now,
        at_any_hour=True,
    )


def confirm(user: User, code: str, now: datetime) -> None:
    """Confirm this account's phone by the code that it got. Raises Refusal."""
    # What a wrong code costs is kept, so that the refusal is raised after the transaction.
    if refusal := tried(user, "".join(code.split()), now):
        raise Refusal(refusal)


@transaction.atomic
def tried(user: User, code: str, now: datetime) -> str:
    """Try this code; return why it does not confirm the phone, nothing if it does."""
    own = locked(user)
    if not own.has_code(now):
        return NO_CODE
    if not (len(code) == CODE_DIGITS and code.isdecimal()):
        return NOT_SIX
    own.tries += 1
    right = own.is_code(code)
    if right:
        own.confirmed_at = now
        own.forget_code()
        logger.info("own_phone.confirmed user=%s", user.pk)
    own.save()
    return "" if right else WRONG_CODE if own.has_code(now) else NO_CODE


@retried_at_once
def remove(user: User, now: datetime) -> None:
    """Take this account's phone away; how many codes it asked for is remembered."""
    own = locked(user)
    leave(own, now)
    own.let_go()
    own.save()


def locked(user: User) -> OwnPhone:
    OwnPhone.objects.get_or_create(user=user)
    return OwnPhone.objects.select_related(None).locked().get(user=user)


def leave(own: OwnPhone, now: datetime) -> None:
    """End what comes to the phone that this account had, unless a colleague shares it.

    A number that was here for this alone is forgotten; one that texted us, or reads a story, is a reader's. That it
    opted out is known without it, if it was erased since.
    """
    phone = own.subscriber
    if phone is None or OwnPhone.objects.filter(subscriber=phone).exclude(pk=own.pk).exists():
        return
    phone = Subscriber.objects.locked().get(pk=phone.pk)
    rehearsals.stop(Enrollment.objects.filter(subscriber=phone), now, "the phone was removed")
    Message.objects.filter(code_of=own).cancel()
    reads = Enrollment.objects.readers().filter(subscriber=OuterRef("pk"))
    texted = Message.objects.filter(subscriber=OuterRef("pk"), direction=Message.Direction.INBOUND)
    if not phone.opted_out_at or erasing.stopped_at(str(phone.phone_number)):
        Subscriber.objects.filter(~Exists(reads), ~Exists(texted), pk=phone.pk).delete()
