"""Write docs/index.md: every step of the document, every new word and every exercise, with where it is found.

    python -m tools.build_index

All of it is read from the lessons themselves, so that a new one is in it without a further word.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

from sdlib import lessons

ROOT = Path(__file__).resolve().parents[1]
INDEX = ROOT / "docs" / "index.md"
STEPS = re.compile(r"^Steps? (\d+)(?:(?: to | and )(\d+))? of the document", re.M)
STEP_LISTED = re.compile(r"^(\d+)\. (.+) \(lesson (\d+)\)$", re.M)
WORDS = re.compile(r"^\*\*New words\*\*: (.+)\.$", re.M)
HEADING = re.compile(r"^## (.+)$", re.M)
LEVELS = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Page:
    """A lesson's notebook as its index needs it."""

    number: int
    title: str
    file: str
    text: str     # of all prose cells
    headings: tuple

    @classmethod
    def read(cls, path):
        cells = nbformat.read(path, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        title = text.split("\n", 1)[0].removeprefix("# ").split(" · ")[-1]
        return cls(int(path.name[:2]), title, path.name, text, tuple(HEADING.findall(text)))

    def link(self, heading=None):
        """A link to the notebook, or to a heading in it."""
        if heading is None:
            return f"[{self.number}, {self.title}](../notebooks/{self.file})"
        return f"[{heading}](../notebooks/{self.file}#{heading.replace(' ', '-')})"

    def steps(self):
        """The steps of the document that it covers."""
        if self.number == 0:
            return []
        first, last = STEPS.search(self.text).groups()
        return range(int(first), int(last or first) + 1)

    def heading_of(self, step):
        """The heading under which the prose speaks of the step; the first one where none does by number."""
        body = self.text.index("\n## ")
        return self._heading_before(re.compile(rf"(?i)\bsteps? [\d to and]*\b{step}\b").search(self.text, body))

    def _heading_before(self, found):
        """The heading under which a match stands, or in which; the first one where there is no match."""
        place = -1 if found is None else found.start()
        before = [one[1] for one in HEADING.finditer(self.text) if one.start() <= place]
        return before[-1] if before else self.headings[0]

    def words(self):
        return WORDS.search(self.text)[1].split(", ") if WORDS.search(self.text) else []

    def heading_with(self, word):
        """The heading under which a word first occurs."""
        return self._heading_before(re.search(rf"(?i)\b{re.escape(word)}\b", self.text))


def pages():
    """All lessons that there are, in order."""
    return [Page.read(path) for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))]


def listed_steps(first):
    """{step: (in the course's words, its lesson)}, as lesson 0 lists them."""
    return {int(step): (words, int(number)) for step, words, number in STEP_LISTED.findall(first.text)}


def missing_steps(read):
    """Steps of the document whose lesson does not exist yet."""
    covered = {step for page in read for step in page.steps()}
    return sorted(set(listed_steps(read[0])) - covered)


def content(read):
    """The text of docs/index.md."""
    by_number = {page.number: page for page in read}
    parts = ["# Index", "Made by `make index` from the lessons themselves.", "## The steps of the document",
             "| step | in our words | lesson | where |\n|---|---|---|---|"]
    for step, (words, number) in listed_steps(read[0]).items():
        page = by_number.get(number)
        where = (page.link(), page.link(page.heading_of(step))) if page else (f"{number}, not there yet", "")
        parts[-1] += f"\n| {step} | {words} | {where[0]} | {where[1]} |"
    parts += ["## Words", "| word | lesson | where it first occurs |\n|---|---|---|"]
    words = sorted(((word, page) for page in read for word in page.words()), key=lambda entry: entry[0].lower())
    parts[-1] += "".join(f"\n| {word} | {page.link()} | {page.link(page.heading_with(word))} |" for word, page in words)
    parts += ["## Exercises", "| lesson | " + " | ".join(LEVELS) + " |\n" + "|---" * (1 + len(LEVELS)) + "|"]
    for number in lessons.numbers():
        tasks = lessons.lesson("index", number).exercises
        parts[-1] += f"\n| {by_number[int(number)].link()} | " + " | ".join(task.title for task in tasks) + " |"
    return "\n\n".join(parts) + "\n"


def main():
    read = pages()
    INDEX.write_text(content(read), encoding="utf-8")
    missing = missing_steps(read)
    listed = len(listed_steps(read[0]))
    print(f"{INDEX.relative_to(ROOT)}: {listed - len(missing)} of {listed} steps"
          + (f"; not yet: {', '.join(map(str, missing))}" if missing else ""))


if __name__ == "__main__":
    main()
