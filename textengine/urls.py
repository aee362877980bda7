from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

import stories.views
import subscribers.admin.today
import subscribers.keeping
from subscribers.scraping import metrics

from . import health

admin.site.site_header = admin.site.site_title = "Text-Engine"
admin.site.index_title = "Today"
admin.site.site_url = None
admin.site.enable_nav_sidebar = False

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/stories/story/<int:story_id>/rehearse/", include("subscribers.rehearsal_urls")),
    path("admin/stories/story/<int:story_id>/readers/", include("subscribers.funnel_urls")),
    path("admin/today/", subscribers.admin.today.page, name="today"),
    path("admin/", admin.site.urls),
    path("s/", include("stories.urls")),
    path("kept/", subscribers.keeping.kept, name="kept"),
    path("twilio/", include("subscribers.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    # No dot but the last: a name cannot lead out of the storage, and its ending says the type.
    re_path(r"^media/(?P<name>[A-Za-z0-9_/-]{1,150}\.(?:jpg|png|gif))$", stories.views.stored_picture),
]
