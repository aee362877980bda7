"""Whose a story is, in its admin: journalists find their own, and who answers for all of them says whose each is."""

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User

from .authors import ALL_STORIES, is_theirs, name_of, of_their_own
from .models import Story


class AuthorsField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, user: User) -> str:
        return name_of(user)


class AuthorsMixin:
    """For the admin of stories: other people's are as if they were not there, unless one may see all."""

    def get_queryset(self, request):
        return of_their_own(super().get_queryset(request), request.user)

    def has_view_permission(self, request, obj=None):
        return super().has_view_permission(request, obj) and (obj is None or self.is_theirs(request, obj))

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or self.is_theirs(request, obj))

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and (obj is None or self.is_theirs(request, obj))

    def is_theirs(self, request, story: Story) -> bool:
        # Found in this person's own list, or not saved yet: no need to ask for each button of the page.
        known = request.__dict__.setdefault("own_stories", {})
        if story.pk not in known:
            known[story.pk] = story.pk is None or is_theirs(story, request.user)
        return known[story.pk]

    def get_fieldsets(self, request, obj=None):
        fieldsets = super().get_fieldsets(request, obj)
        if not request.user.has_perm(ALL_STORIES):
            return fieldsets
        return [*fieldsets, ("Who writes it", {"fields": ["authors"], "classes": ["collapse"]})]

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        if db_field.name != "authors":
            return super().formfield_for_manytomany(db_field, request, **kwargs)
        return AuthorsField(
            User.objects.filter(is_staff=True, is_active=True).order_by("username"),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text=db_field.help_text,
        )

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name == "authors":  # without the buttons that would add accounts
            return self.formfield_for_manytomany(db_field, request, **kwargs)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        if not change:
            form.instance.authors.add(request.user)

    def log_import(self, request, plan):
        super().log_import(request, plan)
        if plan.is_new:
            plan.story.authors.add(request.user)

    @admin.display(description="written by")
    def written_by(self, story: Story) -> str:
        return ", ".join(map(name_of, story.authors.all()))
