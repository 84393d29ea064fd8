"""How the teaching tools look: a card with a shape and words, as text, as HTML and as a widget.

What a notebook saves (text and HTML) never depends on who ran it: the personal part is in the widget, which is not
compared, and in print(...). So a learner with a progress file and a fresh machine save the same outputs.
"""

import sys
import textwrap
from dataclasses import dataclass
from html import escape

from sdlib.components.checks import shown
from sdlib.whole import whole

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
TONES = {"right": ("✓", "#009e73"), "wrong": ("✗", "#d55e00"), "misconception": ("◆", "#cc79a7"),
         "not attempted yet": ("○", "#0072b2"), "note": ("▸", "#767676")}
TEXT_WIDTH = 100
_BOX = ("background:var(--jp-layout-color1,#fff);color:var(--jp-ui-font-color1,#222);border:1px solid {color};"
        "border-left:6px solid {color};padding:8px 12px;margin:4px 0;max-width:48em;line-height:1.5;font-size:14px")
_CODE = ("background:var(--jp-layout-color2,#eee);color:var(--jp-ui-font-color1,#222);padding:6px 8px;"
         "overflow-x:auto")


class Code(str):
    """A line of a card that is shown as code, its spaces kept."""


@dataclass(frozen=True, repr=False)
class Card:
    """A title and lines of text. Its tone gives it a shape and a colour; the title says it in words."""

    tone: str
    title: str
    lines: tuple = ()

    def __str__(self):
        lines = (f"    {line}" for text in self.lines for line in _folded(text))
        return "\n".join([f"{TONES[self.tone][0]} {self.title}", *lines])

    __repr__ = __str__

    def html(self):
        """The card as HTML that reads in a dark and in a light theme, with no script and no outside resource."""
        shape, color = TONES[self.tone]
        inner = "".join(f'<pre style="{_CODE}">{escape(line)}</pre>' if isinstance(line, Code)
                        else f"<div>{_no_formula(line)}</div>" for line in self.lines)
        return (f'<section aria-label="{escape(self.title)}" style="{_BOX.format(color=color)}">'
                f'<div><span aria-hidden="true">{shape}</span> <strong>{_no_formula(self.title)}</strong></div>'
                f"{inner}</section>")

    def _repr_mimebundle_(self, include=None, exclude=None):
        return bundle(self)


def _no_formula(text):
    """As HTML. JupyterLab sets what stands between two dollar signs as a formula, unless they stand in tags."""
    told = escape(text)
    return told.replace("$", "<span>$</span>") if told.count("$") > 1 else told


def _folded(text):
    return text.splitlines() if isinstance(text, Code) else textwrap.wrap(text, TEXT_WIDTH)


def bundle(card, widget=None):
    """The mimebundle of a tool: constant text and HTML, and the widget where a notebook can show one."""
    data = {"text/plain": str(card), "text/html": card.html()}
    if widget is not None and in_notebook():
        data[WIDGET_MIME] = widget()._repr_mimebundle_()[WIDGET_MIME]
    return data


def in_notebook():
    """True in a Jupyter kernel that has ipywidgets."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if not hasattr(shell, "kernel"):
        return False
    try:
        widgets()
    except ImportError:
        return False
    return True


def widgets():
    """The package ipywidgets, loaded whole and only where something is shown as a widget."""
    with whole():
        import ipywidgets
    return ipywidgets


def card_widget(card):
    """A widget that shows the card."""
    return widgets().HTML(card.html())


def choice_form(card, choices, answer, skip=None):
    """A widget: the question, a button per choice that calls answer(number), and the card that this gives.

    Buttons, because JupyterLab takes the arrow keys that a radio group needs; Tab, Space and Enter reach a button.
    skip: called, if given, by one more button.
    """
    reply = widgets().HTML()
    buttons = []

    def press(pressed, result):
        for button in buttons:
            button.icon = "check" if button is pressed else ""
        reply.value = f'<div role="status">{result.html()}</div>'

    for number, text in enumerate(choices, start=1):
        buttons.append(_button(f"{number}. {text}", lambda button, number=number: press(button, answer(number))))
    if skip:
        buttons.append(_button("Skip", lambda button: press(button, skip())))
    column = widgets().VBox(buttons, layout={"align_items": "flex-start"})
    return widgets().VBox([card_widget(card), column, reply])


def _button(text, act):
    button = widgets().Button(description=text, layout={"width": "max-content", "max_width": "100%"})
    button.on_click(act)
    return button


def numbered(choices):
    """Choices as numbered lines."""
    return tuple(f"{n}. {choice.text}" for n, choice in enumerate(choices, start=1))


def pick(call, choices, number):
    """The choice with this number, counted from 1. ValueError names the range."""
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    if not is_whole or not 1 <= number <= len(choices):
        raise ValueError(f"{call}({shown(number)}): the number must be a whole number from 1 to {len(choices)}; "
                         f"for example {call}(1).")
    return choices[number - 1]
