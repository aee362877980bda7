from django.core.management.base import BaseCommand

from stories.sample import load_branching_sample, load_sample_story


class Command(BaseCommand):
    help = "Publish the sample stories, unless they are already there."

    def handle(self, *args, **options):
        for load in (load_sample_story, load_branching_sample):
            story = load()
            if story is None:
                self.stdout.write("A sample story's address or keyword is already taken, so it was left out.")
            else:
                self.stdout.write(f"Published “{story}”: whoever texts {story.keyword} reads it.")
