"""Draws the figures of a kept run for the documents, in colours that suit a light and a dark page.

python -m bench.charts bench/results/2026-11-24.json docs/benchmarks
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from .report import TITLES, cell
from .targets import Results, cpu_a_text

WIDTH, MARGIN, LABELS, VALUES = 700, 14, 268, 74
ROW, BAR, TOP, BOTTOM = 30, 18, 72, 16
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  /* Of its own, since the page may be light where the reader's system is dark. */
  .page { fill: #ffffff; }
  .title { font-size: 16px; font-weight: 600; }
  .note, .value { fill: #59636e; }
  .ours .label, .ours .value { fill: #1f2328; font-weight: 600; }
  .bar { fill: #9aa4af; }
  .ours .bar { fill: #0969da; }
  .axis { stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; }
    text { fill: #e6edf3; }
    .note, .value { fill: #9198a1; }
    .ours .label, .ours .value { fill: #e6edf3; }
    .bar { fill: #656c76; }
    .ours .bar { fill: #4493f8; }
    .axis { stroke: #3d444d; }
  }
"""


@dataclass(frozen=True)
class Bar:
    """One row of a chart; `ours` stands out."""

    label: str
    value: float
    ours: bool = False


@dataclass(frozen=True)
class Chart:
    name: str
    title: str
    note: str
    bars: list[Bar]

    def svg(self) -> str:
        """Return the drawing: a row a bar, from the left, each with its figure."""
        height = TOP + ROW * len(self.bars) + BOTTOM
        longest = max((bar.value for bar in self.bars), default=0) or 1
        rows = "\n".join(row(bar, TOP + ROW * index, longest) for index, bar in enumerate(self.bars))
        told = "; ".join(f"{bar.label}: {cell(bar.value)}" for bar in self.bars)
        return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"
  viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title told">
<title id="title">{escape(self.title)}</title>
<desc id="told">{escape(told)}</desc>
<style>{STYLE}</style>
<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>
<text class="title" x="{MARGIN}" y="28">{escape(self.title)}</text>
<text class="note" x="{MARGIN}" y="50">{escape(self.note)}</text>
{rows}
<line class="axis" x1="{LABELS}" x2="{LABELS}" y1="{TOP - 4}" y2="{height - BOTTOM}"/>
</svg>
"""


def row(bar: Bar, top: float, longest: float) -> str:
    length = max(1.5, (WIDTH - LABELS - VALUES) * max(bar.value, 0) / longest)
    middle = top + BAR / 2 + 4.5
    return (
        f'<g class="{"ours" if bar.ours else "other"}">'
        f'<text class="label" x="{LABELS - 10}" y="{middle}" text-anchor="end">{escape(bar.label)}</text>'
        f'<rect class="bar" x="{LABELS}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2"/>'
        f'<text class="value" x="{LABELS + length + 8:.1f}" y="{middle}">{cell(bar.value)}</text></g>'
    )


def draw(kept: dict, folder: Path) -> None:
    """Write the charts of this run into a folder, as SVG; those of which nothing was measured are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(kept)
    for make in (burst, cpu, lateness, sleepers, webhooks, memory):
        chart = make(results)
        if chart.bars:
            (folder / f"{chart.name}.svg").write_text(chart.svg())


def largest_burst(results: Results) -> int:
    return max(results.kept["sizes"]["bursts"])


def burst(results: Results) -> Chart:
    bars = [Bar("raw client, nothing else", results.ceiling())] if results.ceiling() else []
    bars += [Bar(label, figures["texts_a_second"], ours) for label, figures, ours in senders(results)]
    note = "Texts a second when many are due at one moment; the carrier answers after 150 ms"
    return Chart("burst", "How fast everybody gets the text", note, bars)


def senders(results: Results) -> Iterator[tuple[str, dict[str, float], bool]]:
    """Yield everybody who sent a burst, with the figures."""
    texts = largest_burst(results)
    for database, title in TITLES.items():
        if figures := results.find("burst", "engine", database, texts=texts, sleepers=0):
            yield f"Text-Engine, {title}", figures, True
    for database, title in TITLES.items():
        if figures := results.find("burst", "celery", database):
            yield f"Celery, {title}", figures, False
    if figures := results.find("burst", "bare celery"):
        yield "Celery, recording nothing", figures, False
    for database, title in TITLES.items():
        if figures := results.find("burst", "a task a text", database):
            yield f"a django-q2 task a text, {title}", figures, False
    if figures := results.find("burst", "loop of 2018"):
        yield "the loop of 2018", figures, False


def cpu(results: Results) -> Chart:
    bars = [Bar(label, cpu_a_text(figures), ours) for label, figures, ours in senders(results)]
    note = "Milliseconds of CPU a text, of workers and database or broker together"
    return Chart("cpu", "What a text costs", note, bars)


def lateness(results: Results) -> Chart:
    bars = []
    for rate in results.kept["sizes"]["rates"]:
        for database, title in TITLES.items():
            if figures := results.find("lateness", "engine", database, rate=rate, sleepers=0):
                bars += late(f"{title}, {rate}/s", figures, True)
        if figures := results.find("lateness", "bare celery", rate=rate):
            bars += late(f"Celery, {rate}/s", figures, False)
    note = "Milliseconds after its moment; at 225 a second three callbacks a text arrive as well"
    return Chart("lateness", "How late a text is", note, bars)


def late(label: str, figures: dict[str, float], ours: bool) -> list[Bar]:
    return [
        Bar(f"{label}: half within", figures["median_ms"], ours),
        Bar("99 of 100 texts within", figures["p99_ms"], ours),
    ]


def sleepers(results: Results) -> Chart:
    texts, bars, any_asleep = min(results.kept["sizes"]["bursts"]), [], False
    for database, title in TITLES.items():
        for result in results.all("burst", "engine", database):
            if result["about"]["texts"] == texts:
                asleep = result["about"]["sleepers"]
                any_asleep = any_asleep or asleep > 0
                bars.append(Bar(f"{title}, {asleep:,} asleep", result["median"]["texts_a_second"], True))
    note = f"Texts a second, {texts:,} due at one moment"
    return Chart("sleepers", "Among sleeping messages", note, bars if any_asleep else [])


def webhooks(results: Results) -> Chart:
    bars = [
        Bar(f"{title}: {result['about']['kind']}", result["median"]["posts_a_second"], True)
        for database, title in TITLES.items()
        for result in results.all("webhooks", "engine", database)
    ]
    if view := results.find("webhooks", "view of 2018"):
        bars.append(Bar("the view of 2018", view["posts_a_second"]))
    return Chart("webhooks", "How many webhooks are answered", "Posts a second, by two web processes", bars)


def memory(results: Results) -> Chart:
    bars = [
        Bar(f"Text-Engine, {title}", max(figures["growth_megabytes"], 0), True)
        for database, title in TITLES.items()
        if (figures := results.find("memory", "engine", database))
    ]
    if celery := results.find("memory", "bare celery"):
        bars.append(Bar("Celery", celery["growth_megabytes"]))
    asleep = results.kept["sizes"]["eta_tasks"]
    return Chart(
        "memory",
        "What sleeping texts take of memory",
        f"Megabytes that {asleep:,} sleeping texts add to the workers",
        bars,
    )


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
