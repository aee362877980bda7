from django import template
from django.db.models import Q
from django.utils import timezone

from stories.authors import of_their_own
from stories.models import Story
from subscribers.admin import today
from subscribers.models import Hold
from textengine.moments import moment

register = template.Library()
register.filter(moment)


@register.simple_tag(takes_context=True)
def holds_to_show(context) -> list[Hold]:
    """Return what is held, and what is being let go, of what this person knows of, who is logged in to the admin."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if not (user and user.is_active and user.is_staff):
        return []
    if not hasattr(request, "holds_to_show"):
        # More than one part of a page asks.
        concerns = Q(story=None) | Q(story__in=of_their_own(Story.objects.all(), user))
        found = Hold.objects.unfinished().filter(concerns).select_related("story", "text", "created_by")
        request.holds_to_show = list(found)
    return request.holds_to_show


@register.simple_tag(takes_context=True)
def hold_on_everything(context) -> Hold | None:
    """Return the hold that keeps everything back at present, if there is one."""
    return next((hold for hold in holds_to_show(context) if not (hold.story_id or hold.released_at)), None)


@register.simple_tag(takes_context=True)
def today_of(context) -> today.Today:
    """Return the day as the person who looks may see it."""
    return today.today(context["request"], timezone.now())


@register.simple_tag
def older(cl) -> str:
    """Return the address of the list that begins behind the last row of this page."""
    last = cl.result_list[len(cl.result_list) - 1]
    return cl.get_query_string({"before": cl.model_admin.key_of(last)}, ["p"])
