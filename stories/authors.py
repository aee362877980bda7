"""Whose a story is, and what people are called: who writes sees their own, who answers for all of them sees all."""

from django.contrib.auth.models import AbstractBaseUser, AbstractUser
from django.db.models import QuerySet

from .models import HistoricalStory, Story

ALL_STORIES = "stories.all_stories"


def name_of(user: AbstractUser) -> str:
    """Return what colleagues know this person by."""
    return user.get_full_name() or user.get_username()


def of_their_own(stories: QuerySet[Story], user: AbstractBaseUser) -> QuerySet[Story]:
    """Return those of these stories that this person may work on."""
    if user.has_perm(ALL_STORIES):
        return stories
    return stories.filter(pk__in=Story.authors.through.objects.filter(user=user.pk).values("story"))


def is_theirs(story: Story, user: AbstractBaseUser) -> bool:
    return user.has_perm(ALL_STORIES) or story.authors.filter(pk=user.pk).exists()


def entries_of_their_own(entries: QuerySet[HistoricalStory], user: AbstractBaseUser) -> QuerySet[HistoricalStory]:
    """Return those of these entries whose stories this person saved once: who wrote a deleted story is gone with it."""
    if user.has_perm(ALL_STORIES):
        return entries
    return entries.filter(id__in=Story.history.filter(history_user=user.pk).order_by().values("id"))
