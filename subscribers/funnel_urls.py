from django.urls import path

from .admin import funnel

urlpatterns = [path("", funnel.page, name="story-readers")]
