"""The history of a story on its pages: every save an entry, and the way back."""

from itertools import pairwise

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateformat import format as date_words

from . import history, publishing
from .authors import entries_of_their_own, name_of
from .changes import changes, summary
from .models import HistoricalStory, Story
from .readers import still_reading

ENTRIES_A_PAGE = 20


def who(entry: HistoricalStory) -> str:
    return name_of(entry.history_user) if entry.history_user else ""


class HistoryMixin:
    """For the admin of stories: keep each save, show the entries, put one back."""

    object_history_template = "admin/stories/story/history.html"
    put_back_template = "admin/stories/story/put_back.html"
    deleted_template = "admin/stories/story/deleted.html"

    def get_urls(self):
        view = self.admin_site.admin_view
        put_back = "<path:object_id>/history/<int:entry_id>/"
        return [
            path("deleted/", view(self.deleted_view), name="stories_story_deleted"),
            path(put_back, view(self.put_back_view), name="stories_story_put_back"),
            *super().get_urls(),
        ]

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        history.keep(form.instance, timezone.now(), request.user)

    @transaction.atomic
    def delete_model(self, request, obj):
        history.keep_deletion(obj, timezone.now(), request.user)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request, queryset):
        for story in queryset:
            history.keep_deletion(story, timezone.now(), request.user)
        super().delete_queryset(request, queryset)

    def deleted_view(self, request: HttpRequest) -> HttpResponse:
        """List the stories that were deleted: who did it and when, and what they said."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        deletions = Story.history.filter(history_type=history.DELETED).select_related("history_user")
        deletions = entries_of_their_own(deletions, request.user)
        paginator = self.get_paginator(request, deletions, ENTRIES_A_PAGE)
        page = paginator.get_page(request.GET.get(PAGE_VAR, 1))
        context = {
            **self.admin_site.each_context(request),
            "title": "Deleted stories",
            "opts": self.opts,
            "page": page,
            "deleted": [(entry, who(entry), history.version_of(entry).texts) for entry in page],
        }
        return TemplateResponse(request, self.deleted_template, context)

    def history_view(self, request, object_id, extra_context=None):
        story = self.get_object(request, unquote(object_id))
        entries = Story.history.filter(id=story.pk) if story else Story.history.none()
        paginator = self.get_paginator(request, entries.select_related("history_user"), ENTRIES_A_PAGE)
        page = paginator.get_page(request.GET.get(PAGE_VAR, 1))
        context = {
            "title": "History",
            "subtitle": str(story),
            "shown": shown_entries(page),
            "newest": entries.first(),
            "page": page,
            "may_put_back": self.may_put_back(request, story),
        }
        return super().history_view(request, object_id, context | (extra_context or {}))

    def may_put_back(self, request: HttpRequest, story: Story | None) -> bool:
        texts = [f"stories.{action}_storytext" for action in ("add", "change", "delete")]
        return self.has_change_permission(request, story) and request.user.has_perms(texts)

    def put_back_view(self, request: HttpRequest, object_id: str, entry_id: int) -> HttpResponse:
        story = self.get_object(request, unquote(object_id))
        if story is None:
            raise Http404
        if not self.may_put_back(request, story):
            raise PermissionDenied
        entry = get_object_or_404(Story.history.select_related("history_user"), pk=entry_id, id=story.pk)
        refused = refusals(story, entry)
        if request.method == "POST" and not refused:
            return self.put_back(request, story, entry)
        return self.ask_to_put_back(request, story, entry, refused)

    @transaction.atomic
    def put_back(self, request: HttpRequest, story: Story, entry: HistoricalStory) -> HttpResponse:
        now = timezone.now()
        history.keep(story, now)
        history.put_back(story, entry, now)
        reason = f"Put back as it was on {moment_words(entry)}"
        history.keep(story, timezone.now(), request.user, reason)
        story.revised()
        self.log_change(request, story, f"{reason}.")
        self.message_user(request, f"{reason}. {still_reading(story)}", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:stories_story_change", args=[story.pk]))

    def ask_to_put_back(self, request, story: Story, entry: HistoricalStory, refused: list[str]) -> HttpResponse:
        newest = story.history.first()
        context = {
            **self.admin_site.each_context(request),
            "title": f"Put back as it was on {moment_words(entry)}",
            "subtitle": str(story),
            "opts": self.opts,
            "object": story,
            "refused": refused,
            "changes": [
                change
                for change in changes(history.version_of(newest), history.version_of(entry))
                if newest.pk != entry.pk
            ],
            "reading": still_reading(story),
        }
        return TemplateResponse(request, self.put_back_template, context)


def shown_entries(page: Page) -> list[dict]:
    """Return the entries of a page of a history, newest first, each with who, and what it changed."""
    newest_first = list(page)
    # The entry before the oldest says what that one changed.
    older = page.paginator.object_list[page.end_index() : page.end_index() + 1]
    versions = history.versions([*older, *reversed(newest_first)])
    pairs = pairwise(versions if older else [None, *versions])
    found = [(after.entry, changes(before, after)) for before, after in pairs]
    return [
        {"entry": entry, "who": who(entry), "changes": changed, "summary": summary(changed)}
        for entry, changed in reversed(found)
    ]


def refusals(story: Story, entry: HistoricalStory) -> list[str]:
    """Return why `story` cannot be as it was at `entry`: a hold, or what a published story has to be."""
    held = publishing.kept_by_holds(story.texts.exclude(pk__in=entry.order))
    if held or story.status != Story.Status.PUBLISHED:
        return held
    then, texts = entry.history_object, history.version_of(entry).texts
    return publishing.refusals(then, [row.history_object for row in texts])


def moment_words(entry: HistoricalStory) -> str:
    return date_words(timezone.localtime(entry.history_date), "j M, H:i")
