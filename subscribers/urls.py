from django.urls import path

from . import views

# Also without the slash at the end, which is easily left out in the carrier's console: a POST cannot be redirected.
urlpatterns = [
    path("inbound", views.receive_inbound),
    path("inbound/", views.receive_inbound, name="twilio-inbound"),
    path("status", views.receive_status),
    path("status/", views.receive_status, name="twilio-status"),
]
