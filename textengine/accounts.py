"""Accounts of the newsroom: who may log in, and to do what."""

import secrets

from django.contrib.auth.models import Group, User
from django.db import transaction

# The migrations of `subscribers` make the groups, each with the permissions that its work needs.
GROUPS = {
    "journalist": "Journalists",
    "editor": "Editors",
    "desk-chief": "Desk chiefs",
    "operator": "Operators",
}


def make_account(name: str, role: str = "") -> str:
    """Make an account of this role, or a superuser's without one; return its password, which is kept nowhere."""
    password = secrets.token_urlsafe(9)
    with transaction.atomic():
        user = User.objects.create_user(name, password=password, is_staff=True, is_superuser=not role)
        if role:
            user.groups.add(Group.objects.get(name=GROUPS[role]))
    return password
