from django.urls import path

from .admin import rehearsals

urlpatterns = [
    path("", rehearsals.page, name="rehearse"),
    path("progress/", rehearsals.progress, name="rehearse-progress"),
]
