from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

import stories.views

from . import health

admin.site.site_header = admin.site.site_title = "Text-Engine"
admin.site.index_title = "Newsroom"
admin.site.site_url = None
admin.site.enable_nav_sidebar = False

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("s/", include("stories.urls")),
    path("twilio/", include("subscribers.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("media/<path:path>", stories.views.uploaded_picture),
]
