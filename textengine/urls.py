from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_q.admin import resubmit_task

import stories.views
import subscribers.admin.today
import subscribers.keeping
from subscribers.scraping import metrics

from . import health, logins, second_factor

admin.site.site_header = admin.site.site_title = "Text-Engine"
admin.site.index_title = "Today"
admin.site.site_url = None
admin.site.enable_nav_sidebar = False
admin.site.login_form = logins.LoginForm
# Whose secrets these are sets them up, and nobody else reads them.
admin.site.unregister([TOTPDevice, StaticDevice])
# Who may only look at tasks runs none of them once more: some do something to readers.
resubmit_task.allowed_permissions = ["change"]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/stories/story/<int:story_id>/rehearse/", include("subscribers.rehearsal_urls")),
    path("admin/stories/story/<int:story_id>/readers/", include("subscribers.funnel_urls")),
    path("admin/today/", subscribers.admin.today.page, name="today"),
    path("admin/second-factor/", admin.site.admin_view(second_factor.page), name="second-factor"),
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
