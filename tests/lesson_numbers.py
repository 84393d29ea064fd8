"""Numbers in a lesson's prose: each is shown by a cell, is written in a cell's code, or is asserted as a fact."""

import re
from decimal import Decimal

from lesson_reader import readable

# Not numbers that a lesson claims: addresses, list marks, "step 3", "lesson 02", names such as p99, M/M/4, HTTP/2.
NOT_CLAIMS = [
    re.compile(r"\b\d+\.\d+\.\d+\.\d+\b"),
    re.compile(r"^\s*\d+\.\s", re.MULTILINE),
    re.compile(r"\b(?:steps?|lessons?|cells?|exercises?|questions?|hints?|choices?)\s+\d+(?:\s*(?:,|to|and|-|–)\s*\d+)*",
               re.IGNORECASE),
]
NUMBER = re.compile(r"(?<![\w./])[-−]?\d[\d,]*(?:\.\d+)?(?![\w])")
IN_CODE = re.compile(r"(?<![A-Za-z_.])\d[\d_,]*(?:\.\d+)?(?:[eE][+-]?\d+)?")


def value(text):
    """The Decimal that a written number stands for."""
    return Decimal(text.replace(",", "").replace("_", "").replace("−", "-"))


def values(text):
    """All numbers in code or output, as Decimals."""
    return {value(found.rstrip(",_")) for found in IN_CODE.findall(text)}


def agrees(said, shown):
    """Whether a number in prose says what an output shows: equal, or the output rounded to the prose's digits.

    Rounding counts only for at least two significant digits: "2" does not follow from 1.667.
    """
    said = abs(said)
    if said == shown:
        return True
    digits = len(said.as_tuple().digits)
    return digits >= 2 and said.as_tuple().exponent <= 0 and shown.quantize(said) == said and shown != 0


def backed(said, percent, shown):
    """Whether one of the numbers shown backs the one said; 95 % is also backed by 0.95."""
    return any(agrees(said, number) or (percent and agrees(said, number * 100)) for number in shown)


def unbacked(lesson, facts):
    """[(cell, number)] that stand in prose and that nothing backs. `facts`: the numbers that a test asserts."""
    shown, found = set(), []
    for cell in lesson.cells:
        if cell.kind == "code":
            shown |= values(cell.source) | values(cell.printed)
        else:
            known = shown | ahead(lesson, cell)
            found += [(cell.place, number) for number, percent in with_unit(claims(lesson, cell))
                      if number not in facts and not backed(value(number), percent, known)]
    return found


def claims(lesson, cell):
    """The prose that may claim something: not the sources, nor the title's line with the lesson's own minutes."""
    prose = readable(cell.text.replace(cell.sources, " ") if cell.sources else cell.text)
    return re.sub(r"\b\d+(?:\s*(?:to|-|–)\s*\d+)?\s+minutes\b", " ", prose) if cell.place == 0 else prose


def ahead(lesson, cell):
    """The numbers in the code of the very next code cell: prose may say what it is about to run."""
    following = next((other for other in lesson.code if other.place > cell.place), None)
    return values(following.source) if following else set()


def with_unit(text):
    """[(number, whether a % follows it)]"""
    for pattern in NOT_CLAIMS:
        text = pattern.sub(" ", text)
    return [(match[0].rstrip(","), text[match.end():].lstrip(" \u00a0\u202f").startswith("%"))
            for match in NUMBER.finditer(text)]
