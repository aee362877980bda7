from django.urls import path

from . import views

urlpatterns = [
    path("<slug:slug>/", views.story_page, name="story"),
    path("<slug:slug>/card.png", views.story_card, name="story_card"),
]
