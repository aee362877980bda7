"""The reply desk: what readers wrote, the unread first; tags, consent to quote, notes and answers."""

import hashlib
import json
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.http import require_POST

from stories.models import Story, StoryText

from .. import writing
from ..models import Message, Note, Remark, Reply, Tag, Tagging
from ..reply_desk import answering, finding, sorting
from ..steering import Refused
from ..threads import PICTURES_AT_THE_CARRIER
from .lists import parsed_moment
from .parts import ReadOnlyAdmin, SeenForm, WordsField, row_id
from .watching import WatchedMixin, record_look, record_page

PERIODS = [("", "At any time"), ("day", "In the last day"), ("week", "In the last 7 days"), ("month", "In 30 days")]
STATES = [
    ("", "All, the unread first"),
    ("unread", "Unread"),
    ("unanswered", "Unanswered"),
    ("quotable", "May be quoted"),
]
NOBODY_LEFT = "Nobody is left to answer."


class FilterForm(forms.Form):
    """What is looked for; what cannot be understood is not looked for."""

    use_required_attribute = False
    story = forms.ModelChoiceField(Story.objects.order_by("title"), required=False, empty_label="All stories")
    tag = forms.ModelChoiceField(Tag.objects.all(), required=False, empty_label="Any tag")
    state = forms.ChoiceField(choices=STATES, required=False, label="Which")
    period = forms.ChoiceField(choices=PERIODS, required=False, label="When")
    q = forms.CharField(required=False, max_length=100, label="Words or number")
    group = forms.RegexField(r"^[0-9]{1,18}-[0-9]{1,18}$", required=False, widget=forms.HiddenInput)

    def filters(self) -> finding.Filters:
        self.is_valid()
        found = {name: value for name, value in getattr(self, "cleaned_data", {}).items() if value}
        story, text = map(int, found["group"].split("-")) if "group" in found else (None, None)
        period = finding.PERIODS.get(found.get("period", ""))
        return finding.Filters(
            story=story or (found["story"].pk if "story" in found else None),
            text=text,
            tag=found["tag"].pk if "tag" in found else None,
            state=found.get("state", ""),
            since=timezone.now() - period if period else None,
            words=found.get("q", "").strip(),
        )


class AnswerForm(forms.Form):
    use_required_attribute = False
    body = WordsField(label="Answer", widget=forms.Textarea(attrs={"rows": 3}))
    asks_to_quote = forms.BooleanField(required=False, label="This asks whether we may quote")
    key = forms.UUIDField(widget=forms.HiddenInput)


class OneAnswerForm(AnswerForm, SeenForm):
    def refuse(self, error: Refused) -> None:
        self.add_error("body", str(error))
        if isinstance(error, writing.AnsweredMeanwhile):
            self.ask(error)


class GroupAnswerForm(AnswerForm):
    tag = forms.ModelChoiceField(
        Tag.objects.all(), required=False, empty_label="whatever they wrote", label="To those tagged"
    )
    unanswered_only = forms.BooleanField(required=False, initial=True, label="Only who has no answer yet")
    up_to = forms.IntegerField(min_value=0, max_value=2**62, widget=forms.HiddenInput)

    @property
    def says(self) -> str:
        """What stands for all that a preview depends on: nothing goes out that was changed after it."""
        words = {name: str(value) for name, value in self.cleaned_data.items()}
        return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


class QuotingForm(forms.Form):
    quoting = forms.ChoiceField(choices=[(each.value, each.label) for each in Remark.Quoting])
    how = forms.CharField(required=False, max_length=300)


@admin.register(Remark)
class RemarkAdmin(WatchedMixin, ReadOnlyAdmin):
    """One page for all: Django's own list and form have no part in it."""

    def get_urls(self):
        def view(function):
            return self.admin_site.admin_view(function)

        return [
            path("read/", view(require_POST(self.mark_group)), name="subscribers_remark_read"),
            path("answer/<int:story_id>-<int:text_id>/", view(self.answer_group), name="subscribers_remark_answer"),
            path("answers/<int:reply_id>/", view(self.progress), name="subscribers_remark_progress"),
            path("<int:object_id>/do/", view(require_POST(self.act)), name="subscribers_remark_do"),
            *super().get_urls(),
        ]

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscribers.change_remark")

    def has_answer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscribers.add_reply")

    def context(self, request: HttpRequest, **values) -> dict:
        common = {
            "opts": self.opts,
            "may_act": self.has_act_permission(request),
            "may_answer": self.has_answer_permission(request),
            "may_see_readers": request.user.has_perm("subscribers.view_subscriber"),
        }
        return self.admin_site.each_context(request) | common | values

    def changelist_view(self, request, extra_context=None):
        if not self.has_view_permission(request):
            raise PermissionDenied
        sorting.sort(timezone.now())
        form = FilterForm(request.GET)
        filters = form.filters()
        groups = finding.groups(filters.story if filters.text is None else None)
        page = finding.page(filters, request.GET.get("after", ""))
        more = request.GET.copy()
        more["after"] = page.after
        context = self.context(
            request,
            title="Reply desk",
            form=form,
            groups=groups,
            group=group_of(form),
            page=page,
            more=more.urlencode() if page.after else "",
            unread=sum(group.unread for group in groups),
            up_to=page.remarks[0].pk if page.remarks else 0,
            running=Reply.objects.unfinished().filter(is_to_group=True),
            is_filtered=any(request.GET.get(name) for name in form.fields),
        )
        return TemplateResponse(request, "admin/subscribers/reply_desk.html", context)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        if not self.has_view_permission(request):
            raise PermissionDenied
        remark = find(object_id)
        record_page(request, self.opts.verbose_name, remark.subscriber)
        return render(request, "admin/subscribers/reply_desk_one.html", self.opened(request, remark))

    def opened(self, request: HttpRequest, remark: Remark, form: OneAnswerForm | None = None) -> dict:
        """Return what the page of one text says, which also stands in the list where it is opened."""
        last = writing.answers_to(remark.subscriber_id).select_related("subscriber", "written_by").first()
        initial = {"key": uuid4(), "known": last.pk if last else 0}
        return self.context(
            request,
            title="What a reader wrote",
            remark=remark,
            form=form or OneAnswerForm(initial=initial, prefix=f"a{remark.pk}"),
            tags=[(tag, tag in remark.tags.all()) for tag in finding.all_tags()],
            provoked=what_provoked(remark),
            elsewhere=answered_elsewhere(remark, last),
            objection=writing.objection(remark.subscriber),
            asked=asked_before(remark),
            quote_words=answering.QUOTE_WORDS,
            pictures_note=capfirst(PICTURES_AT_THE_CARRIER),
        )

    def act(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Do what a button says; answer with the text as it then is, for the list, or go back to its page."""
        remark, action = find(object_id), request.POST.get("do", "")
        allowed = self.has_answer_permission if action == "answer" else self.has_act_permission
        if not self.has_view_permission(request) or (action != "open" and not allowed(request)):
            raise PermissionDenied
        if action not in ACTIONS:
            raise BadRequest("There is no such button.")
        form = ACTIONS[action](self, request, remark)
        is_fragment = request.headers.get("X-Fragment")
        if not is_fragment and form is None:
            return redirect("admin:subscribers_remark_change", object_id)
        name = "row" if is_fragment else "one"
        record_look(request, self.opts.verbose_name, remark.subscriber, timezone.now())
        context = self.opened(request, find(object_id), form)
        return render(request, f"admin/subscribers/reply_desk_{name}.html", context | {"is_open": True})

    def open(self, request: HttpRequest, remark: Remark) -> None:
        record_page(request, self.opts.verbose_name, remark.subscriber)
        if self.has_act_permission(request):
            self.mark_read(request, remark)

    def mark_read(self, request: HttpRequest, remark: Remark) -> None:
        Remark.objects.unread().filter(pk=remark.pk).update(read_at=timezone.now(), read_by=request.user)

    def mark_unread(self, request: HttpRequest, remark: Remark) -> None:
        Remark.objects.filter(pk=remark.pk).update(read_at=None, read_by=None)

    def tag(self, request: HttpRequest, remark: Remark) -> None:
        """Put a tag on, or take it off."""
        tag = get_object_or_404(Tag, pk=row_id(request.POST.get("tag", "")))
        if not Tagging.objects.filter(remark=remark, tag=tag).delete()[0]:
            Tagging.objects.get_or_create(remark=remark, tag=tag)

    def quote(self, request: HttpRequest, remark: Remark) -> None:
        """Write down whether this reader's text may be quoted, how that was said, who says so, and when."""
        form = QuotingForm(request.POST)
        if not form.is_valid():
            return
        quoting, how = form.cleaned_data["quoting"], form.cleaned_data["how"].strip()
        asked = asked_before(remark) if request.POST.get("answers") else None
        if asked:
            # The words in which the reader said so are here; what they are about is the text before.
            how = f"By text, {timezone.localtime(remark.came_at):%Y-%m-%d %H:%M}: “{remark.message.body[:200]}”"
            remark = asked
        if quoting in (Remark.Quoting.GRANTED, Remark.Quoting.REFUSED) and not how:
            messages.error(request, "Say how the reader said so, such as “on the phone”.")
            return
        remark.decide_quoting(quoting, how, request.user, timezone.now())
        words = f"Quoting: {remark.get_quoting_display()}. {how}"[:300]
        LogEntry.objects.log_actions(request.user.pk, [remark], CHANGE, words, single_object=True)

    def note(self, request: HttpRequest, remark: Remark) -> None:
        if body := request.POST.get("note", "").strip()[:2000]:
            Note.objects.create(remark=remark, body=body, created_by=request.user)

    def answer(self, request: HttpRequest, remark: Remark) -> OneAnswerForm | None:
        form = OneAnswerForm(request.POST, prefix=f"a{remark.pk}")
        if not form.is_valid():
            return form
        try:
            answering.answer(remark, by=request.user, now=timezone.now(), **form.cleaned_data)
        except Refused as error:
            form.refuse(error)
            return form
        self.mark_read(request, remark)
        return None

    def mark_group(self, request: HttpRequest) -> HttpResponse:
        """Mark as read what is unread of a group, up to what the page has shown."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        form = FilterForm(request.POST)
        filters = form.filters()
        up_to = row_id(request.POST.get("up_to", ""))
        if filters.text is None or up_to is None:
            raise BadRequest("No group is named.")
        unread = filters.remarks().unread().filter(pk__lte=up_to)
        count = unread.update(read_at=timezone.now(), read_by=request.user)
        messages.success(request, f"Marked as read: {count} {'reply' if count == 1 else 'replies'}.")
        return redirect(f"{reverse('admin:subscribers_remark_changelist')}?group={request.POST['group']}")

    def answer_group(self, request: HttpRequest, story_id: int, text_id: int) -> HttpResponse:
        """Write one answer for each in a group; say whom it reaches before it goes out."""
        if not self.has_answer_permission(request) or not self.has_view_permission(request):
            raise PermissionDenied
        story = get_object_or_404(Story, pk=story_id)
        text = get_object_or_404(StoryText, pk=text_id, story=story) if text_id else None
        up_to = Remark.objects.filter(story=story, text=text).values_list("pk", flat=True).first() or 0
        now, initial = timezone.now(), {"key": uuid4(), "up_to": up_to, "unanswered_only": True}
        form = GroupAnswerForm(request.POST or None, initial=initial)
        preview = None
        if request.method == "POST" and form.is_valid():
            reply = Reply(story=story, text=text, is_to_group=True, created_by=request.user, **form.cleaned_data)
            begun = Reply.objects.filter(key=reply.key).first()
            preview = answering.preview(reply)
            if begun or (request.POST.get("send") == form.says and preview.readers):
                # Who was answered meanwhile was seen, and is told of.
                seen = min(
                    row_id(request.POST.get("seen", "")) or 0, answering.count_readers(answering.everybody(reply))
                )
                reply.expected = max(preview.readers, seen)
                reply.created_at = min(parsed_moment(request.POST.get("until", "")) or now, now)
                return redirect("admin:subscribers_remark_progress", answering.begin(reply).pk)
            if not preview.readers:
                form.add_error(None, NOBODY_LEFT)
        context = self.context(
            request,
            title="One answer to each",
            story=story,
            text=text,
            form=form,
            preview=preview,
            until=now,
            group=finding.Group(story, text, 0),
            quote_words=answering.QUOTE_WORDS,
        )
        return TemplateResponse(request, "admin/subscribers/reply_desk_answer.html", context)

    def progress(self, request: HttpRequest, reply_id: int) -> HttpResponse:
        """Show how far an answer to a group is; with `part`, only what changes, as the page asks for it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        reply = get_object_or_404(Reply.objects.select_related("story", "text", "created_by"), pk=reply_id)
        context = self.context(
            request,
            title="One answer to each",
            reply=reply,
            sent=reply.sent.count(),
            left_out=answering.left_out_meanwhile(reply) if reply.done_at else {},
            group=finding.Group(reply.story, reply.text, 0),
        )
        name = "sent" if "part" in request.GET else "progress"
        return TemplateResponse(request, f"admin/subscribers/reply_desk_{name}.html", context)


ACTIONS = {
    "open": RemarkAdmin.open,
    "read": RemarkAdmin.mark_read,
    "unread": RemarkAdmin.mark_unread,
    "tag": RemarkAdmin.tag,
    "quote": RemarkAdmin.quote,
    "note": RemarkAdmin.note,
    "answer": RemarkAdmin.answer,
}


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    list_display = ["name"]


def find(object_id: int | str) -> Remark:
    """Return a reader's text with all that is said of it; raise Http404 where there is none."""
    found = finding.shown([row_id(str(object_id))])
    if not found:
        raise Http404("There is no such reply of a reader, or it was erased.")
    return found[0]


def what_provoked(remark: Remark) -> str:
    """Return the words after which this came, as the reader had them, if that message is still there."""
    had = Message.objects.filter(pk=remark.provoked_by_id).values_list("body", flat=True).first()
    return had or (remark.text.body if remark.text else "")


def answered_elsewhere(remark: Remark, last: Message | None) -> str:
    """Return a sentence on what this reader was answered after writing this, and not here; empty for nothing."""
    here = {sent.message_id for sent in remark.answers.all()}
    return writing.answered_by(last) if last and last.pk > remark.pk and last.pk not in here else ""


def asked_before(remark: Remark) -> Remark | None:
    """Return the earlier text of this reader about which we asked whether it may be quoted, if that is open."""
    asked = Remark.objects.filter(subscriber=remark.subscriber_id, quoting=Remark.Quoting.ASKED, pk__lt=remark.pk)
    return asked.select_related("message").first()


def group_of(form: FilterForm) -> finding.Group | None:
    """Return the group that was chosen, if there is such a one."""
    if not form.cleaned_data.get("group"):
        return None
    story_id, text_id = map(int, form.cleaned_data["group"].split("-"))
    story = Story.objects.filter(pk=story_id).first()
    text = StoryText.objects.filter(pk=text_id, story=story_id).first()
    return finding.Group(story, text, 0) if story and (text or not text_id) else None
