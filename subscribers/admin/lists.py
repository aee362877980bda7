"""Lists that open at once, however many rows there are: nothing is counted, sorted or searched but by an index."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property

from textengine.database import planned_anew
from textengine.moments import moment

from ..finding import is_number, with_number

# The pages of a list lead so far; older rows begin a list of their own.
ROWS_MAX = 1000
SEARCH_HELP = "A number as people write it, or its last four digits"


class Window(Paginator):
    """The first pages of a list: it counts no farther than they go."""

    @cached_property
    def counted(self) -> int:
        return self.object_list.order_by().values("pk")[: ROWS_MAX + 1].count()

    @property
    def count(self) -> int:
        return min(self.counted, ROWS_MAX)

    @property
    def has_more(self) -> bool:
        return self.counted > ROWS_MAX


class OlderFilter(admin.SimpleListFilter):
    """What comes behind the last row of the first pages; it shows only where somebody has gone there."""

    title = "older"
    parameter_name = "before"

    def __init__(self, request, params, model, model_admin):
        self.moment = model_admin.moment
        super().__init__(request, params, model, model_admin)

    def lookups(self, request, model_admin):
        if self.before is None:
            return []
        when, _ = self.before
        return [(self.value(), f"Before {moment(when)}" if when else "Those before")]

    @property
    def before(self) -> tuple[datetime | None, int] | None:
        when, _, pk = (self.value() or "").rpartition("~")
        parsed = parsed_moment(when)
        valid = pk.isdecimal() and len(pk) < 19 and bool(parsed) == bool(self.moment)
        return (parsed, int(pk)) if valid else None

    def queryset(self, request, queryset):
        if self.before is None:
            return queryset
        when, pk = self.before
        if when is None:
            return queryset.filter(pk__lt=pk)
        older = queryset.alias(when=self.moment).filter(when__lte=when)
        return older.filter(Q(when__lt=when) | Q(pk__lt=pk))


def parsed_moment(words: str) -> datetime | None:
    """Return the moment that a page wrote down, with its zone; nothing where these words are none."""
    try:
        parsed = parse_datetime(words)
    except ValueError:  # A date that no calendar has.
        return None
    return parsed if parsed and parsed.tzinfo else None


class WindowList(ChangeList):
    def get_filters(self, request):
        """Have no rows told apart, since no filter here doubles any: all rows would have to be looked at for that."""
        specs, has_filters, lookups, may_have_duplicates, has_active = super().get_filters(request)
        return specs, has_filters, lookups, may_have_duplicates and bool(lookups), has_active

    def get_results(self, request):
        """Say how many were found only where that is known."""
        super().get_results(request)
        if self.paginator.has_more or not self.query:
            self.full_result_count = self.result_count


class LongListMixin:
    """A list by `moment`, the newest first, or without one, by its ids; searched by readers' numbers."""

    paginator = Window
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    search_help_text = f"{SEARCH_HELP}."
    # The way from a row to its reader.
    reader_path = "subscriber"
    moment: Any = None

    def changelist_view(self, request, extra_context=None):
        if request.method == "POST":
            return super().changelist_view(request, extra_context)
        with planned_anew():
            response = super().changelist_view(request, extra_context)
            # The rows are looked for when the page is written.
            return response.render() if hasattr(response, "render") else response

    def get_changelist(self, request, **kwargs):
        return WindowList

    def get_ordering(self, request):
        if self.moment is None:
            return ["-pk"]
        return [self.moment.desc(), F("pk").desc()]

    def key_of(self, obj) -> str:
        """Return what OlderFilter takes to begin behind this row."""
        return f"~{obj.pk}"

    def get_search_results(self, request, queryset, search_term):
        """Find by a number, however it is typed; anything else is searched for as the list knows how to."""
        if not is_number(search_term):
            return self.with_words(queryset, search_term) if search_term else queryset, False
        return queryset.filter(**{f"{self.reader_path}__in": with_number(search_term).values("pk")}), False

    def with_words(self, queryset: QuerySet, words: str) -> QuerySet:
        return queryset.none()
