"""Who looks at the newsroom's pages."""

import pytest
from django.contrib.auth.models import User

from .factory import make_account


@pytest.fixture
def log_in(client):
    """Return a way to look at pages as somebody of a group, the same person each time."""

    def log_in(group: str, name: str = ""):
        client.force_login(User.objects.filter(username=name or group).first() or make_account(group, name))
        return client

    return log_in


@pytest.fixture
def editor(log_in):
    return log_in("Editors", "eddie")


@pytest.fixture
def chief(log_in):
    return log_in("Desk chiefs", "chief")
