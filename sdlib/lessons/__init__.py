"""The lessons' texts, one file each (lesson_01.py holds LESSON), and how the tools look them up."""

import pkgutil
from importlib import import_module

from sdlib.components.checks import shown
from sdlib.whole import whole

_PREFIX = "lesson_"
MOST_NAMED = 20


def numbers():
    """The numbers of the lessons that exist, as texts: ["00", "01", ...]."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX))


def lesson(tool, number):
    """The Lesson with this number. ValueError names the known ones."""
    if not isinstance(number, str) or number not in numbers():
        _unknown(tool, number, numbers())
    return _load(number)


def find(tool, part, key):
    """The prediction or exercise with this key, in any lesson. ValueError names the known ones."""
    known = {item.key: item for number in numbers() for item in getattr(_load(number), part)}
    if not isinstance(key, str) or key not in known:
        _unknown(tool, key, known)
    return known[key]


def _load(number):
    with whole():
        return import_module(f"{__name__}.{_PREFIX}{number}").LESSON


def _unknown(tool, key, known):
    known = list(known)
    more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    raise ValueError(f"{tool}({shown(key)}): there is no such entry. Known: {', '.join(known[:MOST_NAMED])}{more}; "
                     f"for example sd.{tool}({known[0]!r}).")
