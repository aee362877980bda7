"""Who looked at what of readers, for those who answer for it: to be read, and nothing else."""

from django.contrib import admin

from textengine.moments import NOTHING, moment

from ..models import Access
from .parts import ReadOnlyAdmin, link


@admin.register(Access)
class AccessAdmin(ReadOnlyAdmin):
    list_display = ["when", "who", "what", "about", "reader"]
    list_display_links = None
    list_filter = ["what", "at", "who"]
    search_fields = ["who", "about"]
    show_full_result_count = False
    actions = None

    def has_view_permission(self, request, obj=None):
        """Show the list alone: a row has no more to say."""
        return obj is None and super().has_view_permission(request)

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"title": "Who looked at what"} | (extra_context or {}))

    @admin.display(description="time", ordering="at")
    def when(self, access: Access) -> str:
        return moment(access.at)

    @admin.display(description="reader")
    def reader(self, access: Access) -> str:
        """Lead to the reader's page; who was erased since is found there no more."""
        return (
            link("subscribers_subscriber_change", access.subscriber, "See the reader") if access.subscriber else NOTHING
        )
