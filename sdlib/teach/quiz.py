"""sd.quiz: three questions, with a word on every choice."""

from dataclasses import dataclass

from sdlib.lessons import lesson
from sdlib.teach.book import book
from sdlib.teach.content import Lesson
from sdlib.teach.view import Card, bundle, choice_form, numbered, pick, widgets


def quiz(number):
    """The quiz of a lesson, such as "01". ValueError names the known ones."""
    return Quiz(lesson("quiz", number))


@dataclass(frozen=True, repr=False)
class Quiz:
    """The questions of one lesson. Shown, it is a form; by code, answer(question, choice), both counted from 1."""

    lesson: Lesson

    def answer(self, question, choice):
        """The word on this choice; the answer is recorded."""
        asked = pick(f"{self._call}.answer", self.lesson.quiz, question)
        chosen = pick(f"{self._call}.answer({question}, ...)", asked.choices, choice)
        book().record("quiz", f"{self.lesson.number}-{question}", choice=choice, right=chosen.right)
        tone, title = _VERDICTS[chosen.right]
        return Card(tone, title, (f"{choice}. {chosen.text}", chosen.why))

    @property
    def _call(self):
        return f'sd.quiz("{self.lesson.number}")'

    def _card(self):
        lines = []
        for number, question in enumerate(self.lesson.quiz, start=1):
            lines += [_headed(number, question), *numbered(question.choices)]
        how = f"Without the form: {self._call}.answer(question, choice)"
        return Card("not attempted yet", f"Quiz {self.lesson.number}: {self.lesson.title}", (*lines, how))

    def widget(self):
        """The form: one question under the other."""
        forms = [self._form(number, question) for number, question in enumerate(self.lesson.quiz, start=1)]
        return widgets().VBox(forms)

    def _form(self, number, question):
        card = Card("not attempted yet", _headed(number, question))
        return choice_form(card, [choice.text for choice in question.choices],
                           lambda choice: self.answer(number, choice))

    def __str__(self):
        return str(self._card())

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        return bundle(self._card(), self.widget)


_VERDICTS = {True: ("right", "Right"), False: ("misconception", "Not this one"),
             None: ("note", "A trade-off: no single side is right")}


def _headed(number, question):
    return f"Question {number}{' (a trade-off)' if question.is_trade_off else ''}. {question.ask}"
