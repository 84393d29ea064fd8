"""Tables of the learner's own record, as text and as HTML."""

from html import escape

_SCROLL = "overflow-x:auto;color:var(--jp-ui-font-color1,#222);background:var(--jp-layout-color1,#fff)"
_CELL = "padding:2px 7px;text-align:left;white-space:normal;line-height:1.5;border-bottom:1px solid #767676"


def as_text(columns, rows, says=()):
    """The table in columns of even width, and sentences below it; empty ones are left out."""
    table = [columns, *rows]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    return "\n".join([*lines, *filter(None, says)])


def as_html(caption, columns, rows, says=()):
    """The same as HTML; the first column heads its row."""
    head = "".join(f'<th scope="col" style="{_CELL}">{escape(name)}</th>' for name in columns)
    body = "".join(f'<tr><th scope="row" style="{_CELL}">{escape(row[0])}</th>'
                   + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in row[1:]) + "</tr>" for row in rows)
    below = "".join(f"<p>{escape(sentence)}</p>" for sentence in says if sentence)
    return (f'<div style="{_SCROLL}"><table><caption>{escape(caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}</div>")
