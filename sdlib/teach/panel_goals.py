"""The goals in the panel: a row each, with a button to try it and the answer to the try."""

from html import escape

import ipywidgets


class GoalRows(ipywidgets.VBox):
    """Rows of the goals. attempt: called with a goal's place when its button is pressed; gives a `Verdict`."""

    def __init__(self, goals, attempt):
        self._goals, self._answered = goals, set()
        self._texts = [ipywidgets.HTML() for _ in goals.texts]
        self.buttons = [ipywidgets.Button(description="try", tooltip=f"Try this goal: {text}") for text in goals.texts]
        for place, button in enumerate(self.buttons):
            button.on_click(lambda _, place=place: self._try(place, attempt))
            self._write(place, "")
        rows = [ipywidgets.HBox(pair) for pair in zip(self.buttons, self._texts)]
        for row in rows:
            row.add_class("sdlib-goal")
        super().__init__(rows)
        self.add_class("sdlib-goals")

    def _try(self, place, attempt):
        # A try may simulate several other settings, to tell whether one of them would do as well.
        self._write(place, "<b>Trying ...</b>")
        self.answer(place, attempt(place))

    def answer(self, place, verdict):
        """Show what a try gave."""
        self._answered.add(place)
        if verdict.reached:
            self._write(place, '<b class="sdlib-better">Reached.</b>')
        elif self._goals.ticked[place]:
            self._write(place, '<b class="sdlib-better">Reached before,</b> not at these settings. '
                               f'{escape(verdict.why)}')
        else:
            self._write(place, f'<span class="sdlib-worse"><b>Not yet.</b> {escape(verdict.why)}</span>')

    def forget(self):
        """Take the answers away: they were about another run."""
        for place in self._answered:
            self._write(place, "")
        self._answered.clear()

    @property
    def words(self):
        """What the rows say, as HTML."""
        return " ".join(text.value for text in self._texts)

    def _write(self, place, answer):
        mark = "☑" if self._goals.ticked[place] else "☐"
        self._texts[place].value = (f'<span class="sdlib-goal-text"><span aria-hidden="true">{mark}</span> '
                                    f'{escape(self._goals.texts[place])}</span> <span role="status">{answer}</span>')
