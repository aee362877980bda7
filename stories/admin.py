from functools import partial

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.urls import path
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from textengine.moments import NOTHING, moment

from .authors_admin import AuthorsMixin
from .desk import ReaderForm, linked_picture, preview, preview_page, preview_url
from .forms import StoryForm, TextForm, TextFormSet, look_at_pictures
from .history_admin import HistoryMixin
from .importing_admin import ImportingMixin
from .media import PhonePicture
from .models import Price, Story, StoryText
from .outdated_admin import OutdatedMixin
from .publishing_admin import PublishingMixin
from .sharing_admin import SharingMixin
from .storing import stored
from .turns import TURN_FIELDS
from .waits import WAIT_SUGGESTIONS

# Below a heading that is closed at first, fields stand one by one: Django opens it for an error of one of its
# fields, but does not look into pairs.


class TextInline(admin.StackedInline):
    model = StoryText
    form = TextForm
    formset = TextFormSet
    template = "admin/stories/texts.html"
    fieldsets = [
        (None, {"fields": ["body", "wait", "label", *TURN_FIELDS]}),
        ("Picture", {"fields": ["media", "media_url", "alt"], "classes": ["collapse"]}),
    ]
    wait_suggestions = WAIT_SUGGESTIONS

    class Media:
        js = [
            forms.Script("stories/vendor/Sortable.min.js", defer=True),
            forms.Script("stories/desk/desk.js", type="module"),
        ]

    def get_extra(self, request, obj=None, **kwargs) -> int:
        return 0 if obj else 1

    def get_formset(self, request, obj=None, **kwargs):
        return super().get_formset(request, obj, can_order=self.has_change_permission(request, obj), **kwargs)


@admin.register(Story)
class StoryAdmin(
    AuthorsMixin, ImportingMixin, SharingMixin, OutdatedMixin, HistoryMixin, PublishingMixin, admin.ModelAdmin
):
    form = StoryForm
    inlines = [TextInline]
    fieldsets = [
        (None, {"fields": [("title", "keyword"), "summary"]}),
        ("Address and weight", {"fields": ["slug", "weight"], "classes": ["collapse"]}),
        ("Quiet hours", {"fields": ["quiet"], "classes": ["collapse"]}),
        (
            "Number, language and what comes after the end",
            {"fields": ["number", "language", "closing"], "classes": ["collapse"]},
        ),
    ]
    prepopulated_fields = {"slug": ["title"]}
    list_display = ["title", "keyword", "status", "texts_count", "changed", "page", "share"]
    list_filter = ["status"]
    search_fields = ["title", "keyword", "summary", "texts__body"]
    ordering = ["-updated_at", "-pk"]

    formfield_overrides = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 2})}}

    def get_urls(self):
        view = self.admin_site.admin_view
        paths = [
            path("preview/", view(require_POST(partial(preview, self))), name="stories_story_preview_new"),
            path("linked/", view(partial(linked_picture, self), cacheable=True), name="stories_story_linked"),
            path("<path:object_id>/preview/", view(self.preview_view), name="stories_story_preview"),
        ]
        return paths + super().get_urls()

    def preview_view(self, request, object_id: str):
        """Answer with the story as it stands on a page that posts it, or else with a page of it as it is saved."""
        return (preview if request.method == "POST" else preview_page)(self, request, object_id)

    def get_queryset(self, request):
        # A subquery, since a search for words joins the texts too.
        texts = StoryText.objects.filter(story=OuterRef("pk")).order_by().values("story").values(count=Count("pk"))
        return super().get_queryset(request).annotate(texts_count=Coalesce(Subquery(texts), 0))

    def get_deleted_objects(self, objs, request):
        """Where readers stand in the way, say that, and not which permissions are lacking besides.

        What goes with a story that nobody reads besides its texts are rehearsals, which nobody may delete alone; they
        are counted, not listed.
        """
        _, counts, permissions_needed, protected = super().get_deleted_objects(objs, request)
        own = {Story._meta.verbose_name, StoryText._meta.verbose_name}
        return [str(obj) for obj in objs], counts, set() if protected else permissions_needed & own, protected

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"title": "Stories"} | (extra_context or {}))

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        if request.method == "POST":
            # Before Django begins the transaction in which it reads and saves the form.
            request.link_problems = self.look_at_pictures(request, object_id)
        context = {
            "show_save_and_add_another": False,
            "preview_url": preview_url(object_id),
            "reader_form": ReaderForm(),
        }
        with stored(picture for picture in request.FILES.values() if isinstance(picture, PhonePicture)):
            return super().changeform_view(request, object_id, form_url, context | (extra_context or {}))

    def look_at_pictures(self, request, object_id: str | None) -> dict[str, str]:
        story = self.get_object(request, unquote(object_id)) if object_id else None
        if not (self.has_change_permission(request, story) if story else self.has_add_permission(request)):
            return {}
        known = story.texts.exclude(media_url="").values_list("media_url", flat=True) if story else []
        return look_at_pictures(request.POST, request.FILES, known)

    def get_formset_kwargs(self, request, obj, inline, prefix):
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        return kwargs | {"form_kwargs": {"link_problems": getattr(request, "link_problems", {})}}

    def get_view_on_site_url(self, obj=None):
        """A draft has no page yet that one could look at."""
        return super().get_view_on_site_url(obj) if obj and obj.status != Story.Status.DRAFT else None

    @admin.display(description="texts", ordering="texts_count")
    def texts_count(self, story: Story) -> int:
        return story.texts_count

    @admin.display(description="changed", ordering="updated_at")
    def changed(self, story: Story) -> str:
        return moment(story.updated_at)

    @admin.display(description="page")
    def page(self, story: Story) -> str:
        if story.status != Story.Status.PUBLISHED or not story.texts_count:
            return NOTHING
        return format_html('<a href="{}">/s/{}/</a>', story.get_absolute_url(), story.slug)

    def save_formset(self, request, form, formset, change):
        super().save_formset(request, form, formset, change)
        if change and (formset.texts_changed or "quiet" in form.changed_data):
            form.instance.revised()


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin):
    fields = ["currency", ("sms_segment", "sms_fee"), ("mms", "mms_fee")]
    list_display = ["__str__", "sms_segment", "sms_fee", "mms", "mms_fee"]

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"title": "Prices"} | (extra_context or {}))

    def has_add_permission(self, request) -> bool:
        """There is one row of prices; it can only be lacking in a database that was emptied."""
        return super().has_add_permission(request) and not Price.objects.exists()

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
