"""Who looked at what of readers, for those who answer for it: to be read, and nothing else."""

from django.contrib import admin
from django.db.models import Q

from textengine.moments import NOTHING, moment

from ..models import Access
from .lists import SEARCH_HELP, LongListMixin, OlderFilter
from .parts import ReadOnlyAdmin, link


@admin.register(Access)
class AccessAdmin(LongListMixin, ReadOnlyAdmin):
    list_display = ["when", "who", "what", "about", "reader"]
    list_display_links = None
    list_filter = [OlderFilter, "what", "at", "who"]
    search_fields = ["who", "about"]
    search_help_text = f"{SEARCH_HELP}; or words of who looked, and at what."
    actions = None

    def has_view_permission(self, request, obj=None):
        """Show the list alone: a row has no more to say."""
        return obj is None and super().has_view_permission(request)

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"title": "Who looked at what"} | (extra_context or {}))

    def with_words(self, queryset, words):
        return queryset.filter(Q(who__icontains=words) | Q(about__icontains=words))

    @admin.display(description="time")
    def when(self, access: Access) -> str:
        return moment(access.at)

    @admin.display(description="reader")
    def reader(self, access: Access) -> str:
        """Lead to the reader's page; who was erased since is found there no more."""
        return (
            link("subscribers_subscriber_change", access.subscriber, "See the reader") if access.subscriber else NOTHING
        )
