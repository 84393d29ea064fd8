"""Real traffic: the arrival times in a web server's access log."""

import gzip
import io
import re
import zlib
from array import array
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

import numpy as np

from sdlib.components.checks import check_number, complain

EXAMPLE_LINE = '203.0.113.7 - - [30/Aug/2026:12:00:05 +0530] "GET /product/7 HTTP/1.1" 200 5120'
GZIP_MAGIC = b"\x1f\x8b"
LONGEST_LINE = 65_536
ROUTES_COUNTED, ROUTES_SHOWN = 10_000, 20
BLOCK = 50_000
DAY_S = 86_400
HOPELESS_LINES = 100_000  # so many without a good one: no log, or a small gzip file of endless blank lines
EDGE_SHARE, LEAST_CORE = 0.01, 10  # see `_wild_edges`
BEYOND = 2**32  # seconds are kept as unsigned 32-bit numbers since 1970, which lasts until 2106
MONTHS = {name: number for number, name in
          enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)}
CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"

# client, identity, user (may hold spaces; "- " first would be a line with the virtual host in front), time, request
# (with escaped quotes), status, bytes; what follows, such as referer and browser, does not matter here.
LINE = re.compile(rb'(\S+) \S+ (?!- [^[]).+? \[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] '
                  rb'"((?:[^"\\]|\\.)*)" (?:\d{3}|-) (?:\d+|-)(?:\s|$)')


@dataclass(frozen=True, eq=False)
class AccessLog:
    """What `read_access_log` found.

    arrivals_s: float64, shape (requests,), ascending, seconds since first_time. first_time: the earliest whole
    second, in the time zone of the log's first good line. clients: distinct addresses. lines: all in the file.
    malformed_lines; first_malformed: (line number, its first 80 characters) or None. wild_lines: good but for a
    date far from all others, left out; first_wild: (line number, its time) or None. longest_gap_s: the longest
    time between two arrivals. routes: requests for each of the most frequent paths, without the query, most
    frequent first; only the first 10,000 different paths count. clients and routes hold wild lines, too.
    """

    arrivals_s: np.ndarray
    first_time: datetime
    clients: int
    lines: int
    malformed_lines: int
    first_malformed: tuple | None
    routes: dict
    wild_lines: int = 0
    first_wild: tuple | None = None
    longest_gap_s: float = 0.0

    def remarks(self):
        """List of sentences, each on something in this log that a reader should know of."""
        said = []
        if self.malformed_lines:
            line, text = self.first_malformed
            said.append(f"{self.malformed_lines:,} of {self.lines:,} lines are malformed and left out; the first is "
                        f"line {line:,}: {text!r}")
        if self.wild_lines:
            line, moment = self.first_wild
            said.append(f"{self.wild_lines:,} of {self.lines:,} lines have a date far from all others and are left "
                        f"out; the first is line {line:,}, of {moment:%d %B %Y}")
        if self.longest_gap_s > max(DAY_S, self.arrivals_s[-1] / 2):
            said.append(f"for {self.longest_gap_s / DAY_S:,.1f} days in a row, more than half of the log, there is no "
                        "request; if a date is wrong, remove its line from the file")
        return said


def read_access_log(path, max_disorder_s=60):
    """Read an access log in Common or Combined Log Format, plain or gzip, as an `AccessLog`.

    A log has whole seconds only: k requests in the same second are spread evenly over it, at (i + 1/2) / k, so
    the same log gives the same arrivals each time. A server writes a line when the request ends, so lines may lie
    up to max_disorder_s (0 to 86,400) out of order; they are sorted. Malformed lines are counted and skipped, and
    so is a line or a few (at most 1 %) before or after a gap that is longer than a day and than all the rest of
    the log: a clock that stood at 1970, a date of 2090. The leap second 23:59:60 counts as 23:59:59.
    The file is read line by line: memory grows by about 12 bytes per request and by each distinct address.
    Raises ValueError for a file that is missing, empty, binary, damaged, too disordered or without a good line.
    """
    max_disorder_s = check_number("read_access_log", "max_disorder_s", max_disorder_s, low=0, high=86_400, example=60,
                                  unit="s")
    path = _regular_file(path)
    reader = _Reader(path, max_disorder_s)
    try:
        with _open(path) as stream:
            if _is_binary(stream.peek(1)):
                _refuse(path, "this is a binary file, not text")
            for line in _lines(stream):
                reader.take(line)
    except EOFError:
        _refuse(path, "the gzip file is truncated, it ends in the middle")
    except (gzip.BadGzipFile, zlib.error) as error:
        _refuse(path, f"the gzip file is damaged ({error})")
    except OSError as error:
        _refuse(path, f"the file cannot be read ({error.strerror})")
    return reader.result()


class _Reader:
    """What is remembered while the lines go by."""

    def __init__(self, path, max_disorder_s):
        self.path, self.max_disorder_s = path, max_disorder_s
        self.seconds, self.zone = array("I"), None
        self.clients, self.routes = set(), Counter()
        self.lines, self.malformed, self.first_malformed = 0, array("I"), None

    def take(self, line):
        self.lines += 1
        match = LINE.match(line)
        moment = _moment(match[2]) if match else None
        if moment is None:
            self.malformed.append(self.lines)
            self.first_malformed = self.first_malformed or (self.lines, _readable(line))
            if self.lines == HOPELESS_LINES and not self.seconds:
                self._refuse_all()
            return
        second, zone = moment
        self.zone = self.zone or zone
        self.seconds.append(second)
        self.clients.add(match[1])
        self._count_route(match[3])

    def _count_route(self, request):
        words = request.split()
        route = words[1].partition(b"?")[0] if len(words) > 1 else b"-"
        if route in self.routes or len(self.routes) < ROUTES_COUNTED:
            self.routes[route] += 1

    def result(self):
        if not self.lines:
            _refuse(self.path, "the file is empty")
        if not self.seconds:
            self._refuse_all()
        seconds, wild_lines, first_wild = self._without_wild(np.frombuffer(self.seconds, dtype=np.uintc))
        seconds.sort()
        return AccessLog(
            arrivals_s=_spread(seconds), first_time=datetime.fromtimestamp(int(seconds[0]), self.zone),
            clients=len(self.clients), lines=self.lines, malformed_lines=len(self.malformed),
            first_malformed=self.first_malformed, wild_lines=wild_lines, first_wild=first_wild,
            longest_gap_s=_longest_gap_s(seconds),
            routes={_readable(route): count for route, count in self.routes.most_common(ROUTES_SHOWN)})

    def _without_wild(self, seconds):
        """The whole seconds without wild ones, in the file's order, which is checked; how many are wild, the first."""
        low, high = _wild_edges(seconds)
        is_wild = (seconds < low) | (seconds > high)
        if not is_wild.any():
            self._check_order(seconds, None)
            return seconds, 0, None
        kept = np.flatnonzero(~is_wild)
        first = int(is_wild.argmax())
        self._check_order(seconds[kept], kept)
        moment = datetime.fromtimestamp(int(seconds[first]), self.zone)
        return seconds[kept], int(is_wild.sum()), (self._line_of(first), moment)

    def _check_order(self, seconds, places):
        late_s = np.maximum.accumulate(seconds)
        late_s -= seconds
        if late_s.max() <= self.max_disorder_s:
            return
        first = int((late_s > self.max_disorder_s).argmax())
        line = self._line_of(first if places is None else int(places[first]))
        cure = "sort the log by time" + (", or allow more" if late_s.max() <= DAY_S else "")
        _refuse(self.path, f"line {line:,} is {late_s[first]:,} s earlier than a line before it, and "
                           f"max_disorder_s allows {self.max_disorder_s:g} s: {cure}")

    def _line_of(self, place):
        """The line number of a good line by its place among the good ones, from 0."""
        malformed = np.frombuffer(self.malformed, dtype=np.uintc).astype(np.int64)
        good_before = malformed - 1 - np.arange(len(malformed))
        return place + 1 + int(np.searchsorted(good_before, place, side="right"))

    def _refuse_all(self):
        number, text = self.first_malformed
        _refuse(self.path, f"no line of {'the first ' * (self.lines == HOPELESS_LINES)}{self.lines:,} is one of an "
                           f"access log; line {number} is {text!r}")


def _wild_edges(seconds):
    """The first and the last whole second that is no wild one.

    Wild is a line, or up to 1 % of the lines, at an end of the sorted log, with a gap to the next that is longer
    than a day and than all that lies between the ends: a wrong clock, not quiet hours. Needs 10 other lines.
    """
    few = max(1, int(len(seconds) * EDGE_SHARE))
    if len(seconds) < LEAST_CORE + 2 * few:
        return 0, BEYOND
    times = np.sort(seconds)
    longest_s = max(DAY_S, int(times[-few - 1]) - int(times[few]))
    start = np.flatnonzero(np.diff(times[:few + 1]) > longest_s)
    end = np.flatnonzero(np.diff(times[-few - 1:]) > longest_s)
    return (times[start[-1] + 1] if len(start) else 0), (times[-few - 1 + end[0]] if len(end) else BEYOND)


def _longest_gap_s(seconds):
    return float(max((np.diff(seconds[start:start + BLOCK + 1]).max(initial=0)
                      for start in range(0, len(seconds), BLOCK)), default=0))


def _spread(seconds):
    """Arrival times from sorted whole seconds, block by block so that a long log needs no second copy."""
    arrivals_s = np.empty(len(seconds))
    for start in range(0, len(seconds), BLOCK):
        block = seconds[start:start + BLOCK]
        first = np.searchsorted(seconds, block, side="left")
        count = np.searchsorted(seconds, block, side="right") - first
        place = np.arange(start, start + len(block)) - first
        arrivals_s[start:start + BLOCK] = (block - seconds[0]) + (place + 0.5) / count
    return arrivals_s


@lru_cache(maxsize=1_024)
def _moment(stamp):
    """(Unix time, time zone) of b"30/Aug/2026:12:00:05 +0530", or None when there is no such moment."""
    day, month, year = int(stamp[:2]), MONTHS.get(stamp[3:6]), int(stamp[7:11])
    hour, minute, second = int(stamp[12:14]), int(stamp[15:17]), int(stamp[18:20])
    is_leap = second == 60
    offset_minutes = int(stamp[21:22] + b"1") * (int(stamp[22:24]) * 60 + int(stamp[24:26]))
    if month is None or abs(offset_minutes) >= 24 * 60:
        return None
    zone = timezone(timedelta(minutes=offset_minutes))
    try:
        unix_time = int(datetime(year, month, day, hour, minute, second - is_leap, tzinfo=zone).timestamp())
    except (ValueError, OverflowError):  # 31 February, 25 o'clock, year 0
        return None
    if is_leap and unix_time % DAY_S != DAY_S - 1:  # a leap second ends a day, in UTC
        return None
    return (unix_time, zone) if 0 <= unix_time < BEYOND else None


def _lines(stream):
    """The lines of a stream; of an overlong one only its beginning, so that no line fills the memory.

    Lines end with a line feed, or with a carriage return where the file begins with a line that ends so.
    """
    beginning = stream.peek(1)
    if b"\r" in beginning and b"\n" not in beginning:
        text = io.TextIOWrapper(stream, encoding="latin-1", newline="\r")
        yield from (line.encode("latin-1") for line in _cut(text.readline, "\r"))
    else:
        yield from _cut(stream.readline, b"\n")


def _cut(readline, end):
    while line := readline(LONGEST_LINE):
        rest = line
        while len(rest) == LONGEST_LINE and not rest.endswith(end):
            rest = readline(LONGEST_LINE)
        yield line


def _regular_file(path):
    if not isinstance(path, (str, Path)) or not str(path):
        complain("read_access_log", "path", path, "the path of an access log", "access.log")
    path = Path(path)
    if path.is_dir():
        _refuse(path, "this is a folder, not a file")
    if not path.is_file():
        _refuse(path, "there is no such file")
    return path


def _open(path):
    with path.open("rb") as stream:
        opened = gzip.open if stream.read(2) == GZIP_MAGIC else open
    return opened(path, "rb")


def _is_binary(beginning):
    """Whether more than one byte in twenty is a control character; a log may hold a few, from a broken client."""
    return len(beginning) - len(beginning.translate(None, CONTROL_BYTES)) > len(beginning) / 20


def _readable(text):
    """The first 80 characters, with a question mark for what a terminal could not show."""
    decoded = text.rstrip(b"\r\n").decode("latin-1")[:80]
    return "".join(letter if letter.isprintable() else "?" for letter in decoded)


def _refuse(path, problem):
    raise ValueError(f"read_access_log(path={str(path)!r}): {problem}. path must be a web server's access log in "
                     "Common or Combined Log Format, as text or gzip; for example with lines like "
                     f"{EXAMPLE_LINE}") from None
