from django.urls import path

from . import views

urlpatterns = [
    path("inbound/", views.receive_inbound, name="twilio-inbound"),
    path("status/", views.receive_status, name="twilio-status"),
]
