"""What the system has said by itself, for tests."""

from subscribers.models import Message


def answers() -> list[tuple[str, str]]:
    """Return what was said, oldest first: of each its kind and its words."""
    return list(Message.objects.exclude(automatic="").order_by("pk").values_list("automatic", "body"))


def kinds() -> list[str]:
    return [kind for kind, _ in answers()]
