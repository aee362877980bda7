"""The page of a story from which it is shared."""

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.views.decorators.clickjacking import xframe_options_sameorigin

from .models import Story
from .sharing import Invitation

QR_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


class SharingMixin:
    """Adds to a story's admin the page that shares it, its QR code as files, and how its snippet looks."""

    def get_urls(self):
        pages = [
            ("", self.share_view, "share"),
            ("qr.<str:kind>", self.qr_view, "share_qr"),
            ("snippet/<str:page>/", self.snippet_view, "share_snippet"),
        ]
        return [
            path(f"<int:object_id>/share/{rest}", self.admin_site.admin_view(view), name=f"stories_story_{name}")
            for rest, view, name in pages
        ] + super().get_urls()

    @admin.display(description="share")
    def share(self, story: Story) -> str:
        return format_html('<a href="{}">Share</a>', reverse("admin:stories_story_share", args=[story.pk]))

    def story_to_share(self, request: HttpRequest, object_id: int) -> Story:
        story = get_object_or_404(self.get_queryset(request), pk=object_id)
        if not self.has_view_permission(request, story):
            raise PermissionDenied
        return story

    def invitation(self, request: HttpRequest, object_id: int) -> Invitation:
        story = self.story_to_share(request, object_id)
        if obstacle(story):
            raise Http404
        return Invitation.to(story)

    def share_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        story = self.story_to_share(request, object_id)
        stands_in_the_way = obstacle(story)
        context = {
            **self.admin_site.each_context(request),
            "title": "Share",
            "subtitle": str(story),
            "opts": self.opts,
            "object": story,
            "story": story,
            "obstacle": stands_in_the_way,
        } | ({} if stands_in_the_way else Invitation.to(story).context)
        return TemplateResponse(request, "admin/stories/share.html", context)

    def qr_view(self, request: HttpRequest, object_id: int, kind: str) -> HttpResponse:
        if kind not in QR_TYPES:
            raise Http404
        invitation = self.invitation(request, object_id)
        content = invitation.qr_svg() if kind == "svg" else invitation.qr_png()
        name = f"{invitation.story.slug}-qr.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(content, content_type=QR_TYPES[kind], headers=headers)

    def snippet_view(self, request: HttpRequest, object_id: int, page: str) -> HttpResponse:
        """Show the snippet as on somebody else's light or dark page: its styles lie in it, as they have to there."""
        if page not in ("light", "dark"):
            raise Http404
        context = {"snippet": self.invitation(request, object_id).snippet, "page": page}
        return snippet_page(request, context)


@xframe_options_sameorigin
@csp_replace({"default-src": [NONE], "style-src": [SELF, UNSAFE_INLINE], "frame-ancestors": [SELF]})
def snippet_page(request: HttpRequest, context: dict) -> HttpResponse:
    return TemplateResponse(request, "admin/stories/snippet_page.html", context)


def obstacle(story: Story) -> str:
    """Return why nobody can start this story, and what to do about it; empty if nothing is in the way."""
    if story.status == Story.Status.DRAFT:
        return "This story is a draft. Publish it; then it can be shared."
    if story.status == Story.Status.ARCHIVED:
        return "This story is archived: nobody can start it any more. To share it, publish it again."
    if not story.texts_count:
        return "This story has no texts yet. Write the first one; then it can be shared."
    return ""
