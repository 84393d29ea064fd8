"""A lesson's notebook, taken apart for the contract: cells, calls, headings, links, prose, what the cells print."""

import ast
import html
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat

FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HTML_LINK = re.compile(r"""\b(?:href|src)\s*=\s*["']([^"']+)["']""")
SOURCES = re.compile(r"^(#{2,6}) Sources?\b.*?(?=^#|\Z)", re.MULTILINE | re.DOTALL | re.IGNORECASE)
HEAD_ROW = re.compile(r"<thead>\s*<tr.*?</tr>", re.DOTALL)
BARE_URL = re.compile(r"https?://[^\s<>)\"']+")
PLOTLY = "application/vnd.plotly.v1+json"


@dataclass(frozen=True)
class Call:
    """A call in a code cell: its dotted name ("sd.predict"), its first argument if that is a text, its keywords.

    keywords: those with a constant or a dotted name as value; a dotted name stands as text.
    """

    name: str
    text: str
    keywords: dict


class Cell:
    """One cell: `place` counts from 0."""

    def __init__(self, place, cell):
        self.place = place
        self.kind = cell.cell_type
        self.source = cell.source
        self.metadata = cell.metadata
        self.outputs = cell.get("outputs", [])
        self.execution_count = cell.get("execution_count")

    @cached_property
    def tree(self):
        """The syntax tree of a code cell. Raises SyntaxError, also for magics."""
        return ast.parse(self.source)

    @cached_property
    def calls(self):
        """All calls in a code cell."""
        if self.kind != "code":
            return []
        return [call_of(node) for node in ast.walk(self.tree) if isinstance(node, ast.Call)]

    @cached_property
    def names(self):
        """All dotted names in a code cell, called or not: {"sd.theory.mmc", ...}."""
        nodes = ast.walk(self.tree) if self.kind == "code" else ()
        return {dotted(node) for node in nodes if isinstance(node, (ast.Attribute, ast.Name))}

    @cached_property
    def text(self):
        """Markdown without its code fences."""
        return FENCE.sub("", self.source) if self.kind == "markdown" else ""

    @cached_property
    def headings(self):
        """[(level, text)] of a markdown cell."""
        return [(len(marks), text) for marks, text in HEADING.findall(self.text)]

    @cached_property
    def prose(self):
        """The words that a learner reads: no code, no addresses, no tags."""
        return readable(self.text)

    @cached_property
    def links(self):
        """[(is a picture, text, target)] of a markdown cell."""
        links = [(bool(mark), text, target) for mark, text, target in LINK.findall(self.text)]
        links += [(False, "", target) for target in HTML_LINK.findall(self.text)]
        known = {target for _, _, target in links}
        return links + [(False, "", url) for url in BARE_URL.findall(LINK.sub("", self.text)) if url not in known]

    @property
    def is_closed(self):
        """Whether its outputs are saved folded away; JupyterLab opens them when the cell is run."""
        return self.metadata.get("jupyter", {}).get("outputs_hidden") is True

    @cached_property
    def shown(self):
        """What a learner who has run nothing sees of the cell: prose, code, and outputs unless they are folded."""
        code = self.source if self.kind == "code" else ""
        return f"{self.prose}\n{code}\n{self.placeholder if self.is_closed else self.printed}"

    @property
    def placeholder(self):
        """What JupyterLab writes in the place of folded outputs: the first line of the first one's source."""
        data = self.outputs[0].get("data", {}) if self.outputs else {}
        said = self.outputs[0].get("text", "") if self.outputs else ""
        text = data.get("text/html") or data.get("text/plain") or said
        return text.strip().partition("\n")[0]

    @cached_property
    def printed(self):
        """What the saved outputs say, as plain text: streams, text, tables, and the alt texts of figures."""
        return "\n".join(said for output in self.outputs for said in output_texts(output))

    @cached_property
    def sources(self):
        """The part under a heading "Sources", or ""."""
        found = SOURCES.search(self.text)
        return found[0] if found else ""

    def table_heads(self):
        """The column names of each saved table, the name over its index included."""
        rows = [row for output in self.outputs for row in HEAD_ROW.findall(output.get("data", {}).get("text/html", ""))]
        cells = [re.findall(r"<th(?:\s[^>]*)?>(.*?)</th>", row, re.DOTALL) for row in rows]
        return [[html.unescape(name) for name in names if name.strip()] for names in cells]

    def figures(self):
        """The outputs that hold a plotly figure."""
        return [output for output in self.outputs if PLOTLY in output.get("data", {})]


def readable(markdown):
    """The words of markdown that a learner reads."""
    text = LINK.sub(lambda match: match[2], re.sub(r"`[^`]*`", " ", markdown))
    return html.unescape(re.sub(r"<[^>]+>", " ", BARE_URL.sub(" ", text)))


def output_texts(output):
    """The texts in one output."""
    if output.output_type == "stream":
        return [output.text]
    data = output.get("data", {})
    table = re.sub(r"<style.*?</style>", " ", data.get("text/html", ""), flags=re.DOTALL)
    texts = [data.get("text/plain", ""), data.get("text/markdown", ""), html.unescape(re.sub(r"<[^>]+>", " ", table))]
    return [*texts, alt_text(output)]


def alt_text(output):
    """The alt text that a plotly output carries in its layout, or ""."""
    layout = output.get("data", {}).get(PLOTLY, {}).get("layout", {})
    meta = layout.get("meta")
    return meta.get("alt", "") if isinstance(meta, dict) else ""


def dotted(node):
    """"sd.theory.mmc" for the attribute of an attribute of a name; "" for what is not such a chain."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def call_of(node):
    """The Call that a syntax node stands for."""
    texts = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
    text = texts[0] if texts and isinstance(texts[0], str) else ""
    keywords = {word.arg: word.value.value if isinstance(word.value, ast.Constant) else dotted(word.value)
                for word in node.keywords if isinstance(word.value, (ast.Constant, ast.Attribute, ast.Name))}
    return Call(dotted(node.func), text, keywords)


class Lesson:
    """A notebook that is a lesson. `number` is that of its file name."""

    def __init__(self, path, notebook=None):
        self.path = Path(path)
        self.notebook = notebook or nbformat.reads(self.path.read_text(encoding="utf-8"), as_version=4)
        self.number = int(self.path.name[:2])
        self.cells = [Cell(place, cell) for place, cell in enumerate(self.notebook.cells)]

    @property
    def code(self):
        return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def markdown(self):
        return [cell for cell in self.cells if cell.kind == "markdown"]

    @property
    def bytes(self):
        return len(json.dumps(self.notebook).encode()) if not self.path.exists() else self.path.stat().st_size

    @cached_property
    def optional_from(self):
        """The place of the cell from which on a lesson is optional ("Go deeper"); behind the last one without it."""
        deep = (cell.place for cell in self.cells if any("go deeper" in text.lower() for _, text in cell.headings))
        return next(deep, len(self.cells))

    @cached_property
    def anchors(self):
        """What `#...` may point to: JupyterLab writes a heading with its blanks as dashes."""
        return {text.replace(" ", "-") for cell in self.markdown for _, text in cell.headings}

    def earlier(self):
        """The lessons before this one, from the same folder, in order."""
        paths = sorted(self.path.parent.glob("[0-9][0-9]-*.ipynb"))
        return [Lesson(path) for path in paths if int(path.name[:2]) < self.number]

    def words(self, cell):
        """How many words of prose a cell has."""
        return len(re.findall(r"[^\W\d_][\w'-]*", cell.prose))

    def places(self, called, text):
        """Where a function is called with this text: places of cells."""
        return [cell.place for cell in self.code for call in cell.calls if call.name == called and call.text == text]

    def first(self, called):
        """The first code cell that calls a function of this name, or None."""
        return next((cell for cell in self.code if any(call.name == called for call in cell.calls)), None)

    def section(self, cell):
        """The text of the last heading at or above a cell, or ""."""
        above = [text for other in self.cells[:cell.place + 1] for _, text in other.headings]
        return above[-1] if above else ""
