"""/metrics as Prometheus reads it, for tests."""

from prometheus_client.parser import text_string_to_metric_families

TOKEN = "who-brings-it-may-read"


class Scrape(dict):
    """Each number by its name and labels, written as Prometheus writes them: name{label="value"}."""

    def __init__(self, text: str):
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
                self[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value

    def since(self, earlier: "Scrape") -> dict[str, float]:
        """Return what has grown or shrunk, and by how much."""
        return {name: value - earlier.get(name, 0) for name, value in self.items() if value != earlier.get(name, 0)}
