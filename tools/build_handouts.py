"""Write a printable page for each lesson into build/handouts: python -m tools.build_handouts

A handout has the lesson's goals and question, its predictions with boxes to tick, the exercises' texts, the quiz and
the key points, and room for notes. No answer, no hint and no output of a run that gives one away is on it.
"""

import re
from html import escape

import nbformat
from nbconvert.filters import markdown2html

from sdlib import lessons
from tools.build_index import ROOT, pages

FOLDER = ROOT / "build" / "handouts"
NOTES_LINES = 6
STYLE = """
@page { size: A4; margin: 18mm } body { font: 11pt/1.4 sans-serif; max-width: 174mm; margin: auto }
h1 { font-size: 18pt; margin: 0 } h2 { font-size: 13pt; margin: 14pt 0 4pt } p, li { margin: 3pt 0 }
img { max-width: 100%; max-height: 75mm; display: block; margin: 6pt auto }
.asked { break-inside: avoid; border-left: 3pt solid #0072b2; padding-left: 8pt; margin: 8pt 0 }
.box::before { content: "\\2610\\00a0" } ul.boxes { list-style: none; padding: 0 }
hr { margin: 16pt 0; border-color: #999 }
"""


def handout(page):
    """The page of one lesson as HTML that needs nothing else."""
    lesson = lessons.lesson("handout", f"{page.number:02d}")
    parts = [f"<h1>{page.number} · {escape(page.title)}</h1>", markdown2html(_title_cell(page)), _picture(page)]
    parts += ["<h2>Before you run it</h2>", *(_asked(one.ask, [choice.text for choice in one.choices])
                                              for one in lesson.predictions)]
    parts += ["<h2>Exercises</h2>", *(_asked(one.ask, [], one.title) for one in lesson.exercises)]
    parts += ["<h2>Questions</h2>", *(_asked(one.ask, [choice.text for choice in one.choices]) for one in lesson.quiz)]
    parts += ["<h2>Key points</h2>", markdown2html(page.text.split("## Key points\n", 1)[1].split("\n\n**New", 1)[0])]
    parts += ["<h2>Notes</h2>", "<hr>" * NOTES_LINES]
    return (f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(page.title)}</title>'
            f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n")


def _title_cell(page):
    """What the title cell says below the title, without its links."""
    text = page.text.split("\n## ", 1)[0].split("\n", 1)[1]
    return re.sub(r"^.*\]\([^)]*\.ipynb\).*$", "", text, flags=re.M).strip()


def _asked(text, choices, title=""):
    boxes = "".join(f'<li class="box">{escape(choice)}</li>' for choice in choices)
    boxes = f'<ul class="boxes">{boxes}</ul>' if boxes else ""
    heading = f"<p><b>{escape(title)}</b></p>" if title else ""
    return f'<div class="asked">{heading}<p>{escape(text)}</p>{boxes}</div>'


def _picture(page):
    """The first picture of the lesson that stands open before the first prediction, which gives nothing away."""
    for cell in nbformat.read(ROOT / "notebooks" / page.file, as_version=4).cells:
        if "sd.predict(" in cell.source or "sd.explore(" in cell.source:
            return ""
        for output in cell.get("outputs", []):
            png = output.get("data", {}).get("image/png")
            if png:
                return f'<img alt="The system of this lesson" src="data:image/png;base64,{png.strip()}">'
    return ""


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for page in pages():
        (FOLDER / page.file.replace(".ipynb", ".html")).write_text(handout(page), encoding="utf-8")
    print(f"{FOLDER.relative_to(ROOT)}: {len(pages())} pages to print")


if __name__ == "__main__":
    main()
