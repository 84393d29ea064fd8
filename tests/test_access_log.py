"""Reading a web server's access log: good lines, odd lines, bad files, large files."""

import gzip
import math
import tracemalloc
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import sdlib as sd
from sdlib.components.access_log import EXAMPLE_LINE, LONGEST_LINE, ROUTES_COUNTED, read_access_log

START = datetime(2026, 8, 30, 12, 0, 0, tzinfo=UTC)


def line(second=0, client="203.0.113.7", user="-", request="GET /product/7 HTTP/1.1", rest="200 5120", stamp=None):
    stamp = stamp or (START + timedelta(seconds=second)).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'{client} - {user} [{stamp}] "{request}" {rest}'


@pytest.fixture
def log(tmp_path):
    def write(lines, name="access.log", end="\n"):
        path = tmp_path / name
        content = lines if isinstance(lines, bytes) else "".join(text + end for text in lines).encode("latin-1")
        path.write_bytes(content)
        return path
    return write


def test_common_log_format(log):
    found = read_access_log(log([line(0), line(3), line(7, client="198.51.100.1")]))
    assert found.arrivals_s.dtype == np.float64
    assert found.arrivals_s.tolist() == [0.5, 3.5, 7.5]
    assert (found.clients, found.lines, found.malformed_lines, found.first_malformed) == (2, 3, 0, None)
    assert found.first_time == START
    assert found.routes == {"/product/7": 3}


def test_the_example_line_is_a_good_line(log):
    found = read_access_log(log([EXAMPLE_LINE]))
    assert found.malformed_lines == 0
    assert found.first_time.isoformat() == "2026-08-30T12:00:05+05:30"


def test_requests_of_one_second_are_spread_evenly_over_it(log):
    found = read_access_log(log([line(0)] * 4 + [line(1)] + [line(2)] * 2))
    assert found.arrivals_s.tolist() == [0.125, 0.375, 0.625, 0.875, 1.5, 2.25, 2.75]


def test_the_same_log_gives_the_same_arrivals(log):
    path = log([line(second // 7) for second in range(100)])
    assert np.array_equal(read_access_log(path).arrivals_s, read_access_log(path).arrivals_s)


@pytest.mark.parametrize("text", [
    pytest.param(line(rest='200 5120 "https://shop.example/" "Mozilla/5.0 (X11)"'), id="combined"),
    pytest.param(line(rest='200 5120 "-" "an \\"odd\\" browser" 0.004 extra'), id="further fields"),
    pytest.param(line(rest="- -"), id="dashes"),
    pytest.param(line(rest="304 -"), id="no size"),
    pytest.param(line(request="-", rest="408 -"), id="no request"),
    pytest.param(line(request="", rest="400 0"), id="empty request"),
    pytest.param(line(request='GET /a\\"b HTTP/1.1'), id="escaped quote"),
    pytest.param(line(request="GET /a\\\\ HTTP/1.1"), id="escaped backslash"),
    pytest.param(line(request="\\x16\\x03\\x01", rest="400 226"), id="not HTTP"),
    pytest.param(line(request="GET /caf\xe9 HTTP/1.1"), id="latin-1"),
    pytest.param(line(client="2001:db8::7"), id="IPv6"),
    pytest.param(line(client="host.example.com"), id="host name"),
    pytest.param(line(user="jane"), id="user"),
    pytest.param(line(user="Jane Doe"), id="user with a space"),
    pytest.param(line(user="-x"), id="user with a dash"),
])
def test_good_lines(log, text):
    found = read_access_log(log([text]))
    assert (len(found.arrivals_s), found.malformed_lines, found.clients) == (1, 0, 1)


@pytest.mark.parametrize("text", [
    pytest.param("", id="blank"),
    pytest.param("hello", id="words"),
    pytest.param(line()[:40], id="cut off"),
    pytest.param(line(stamp="32/Aug/2026:12:00:00 +0000"), id="day 32"),
    pytest.param(line(stamp="31/Feb/2026:12:00:00 +0000"), id="31 February"),
    pytest.param(line(stamp="30/Foo/2026:12:00:00 +0000"), id="no month"),
    pytest.param(line(stamp="30/Aug/2026:25:00:00 +0000"), id="hour 25"),
    pytest.param(line(stamp="30/Aug/2026:12:00:00 +9900"), id="time zone"),
    pytest.param(line(stamp="30/Aug/1900:12:00:00 +0000"), id="before 1970"),
    pytest.param(line(stamp="01/Jan/1970:00:00:00 +0100"), id="just before 1970"),
    pytest.param(line(stamp="30/Aug/2999:12:00:00 +0000"), id="far future"),
    pytest.param(line(stamp="07/Feb/2106:06:28:16 +0000"), id="beyond 32 bits"),
    pytest.param(line(stamp="30:12:00:00"), id="another time format"),
    pytest.param(line(rest="OK 5120"), id="no status"),
    pytest.param(line(rest="200"), id="no size field"),
    pytest.param(line(rest="200 51x"), id="size is no number"),
    pytest.param("shop.example:80 " + line(), id="virtual host in front"),
    pytest.param(line(request='GET /a"b HTTP/1.1'), id="unescaped quote"),
])
def test_malformed_lines_are_counted_and_the_first_is_shown(log, text):
    found = read_access_log(log([line(0), text, line(1), text]))
    assert (len(found.arrivals_s), found.lines, found.malformed_lines) == (2, 4, 2)
    assert found.first_malformed == (2, text[:80])


def test_the_first_malformed_line_is_cut_and_made_readable(log):
    found = read_access_log(log([line(), "\x1b[31mred" + "x" * 200]))
    number, text = found.first_malformed
    assert (number, len(text), text[:8]) == (2, 80, "?[31mred")


def test_windows_line_ends(log):
    found = read_access_log(log([line(0), "bad", line(1)], end="\r\n"))
    assert (len(found.arrivals_s), found.first_malformed) == (2, (2, "bad"))


def test_a_last_line_without_an_end(log):
    assert len(read_access_log(log((line(0) + "\n" + line(1)).encode())).arrivals_s) == 2


def test_time_zones_are_brought_together(log):
    found = read_access_log(log([line(stamp="30/Aug/2026:17:30:00 +0530"), line(stamp="30/Aug/2026:12:00:02 +0000"),
                                 line(stamp="30/Aug/2026:05:00:04 -0700")]))
    assert found.arrivals_s.tolist() == [0.5, 2.5, 4.5]
    assert found.first_time == START
    assert found.first_time.utcoffset() == timedelta(hours=5, minutes=30)


def test_midnight_and_a_leap_day(log):
    found = read_access_log(log([line(stamp="28/Feb/2028:23:59:59 +0000"), line(stamp="29/Feb/2028:00:00:00 +0000")]))
    assert found.arrivals_s.tolist() == [0.5, 1.5]


def test_routes_lose_their_query_and_stand_most_frequent_first(log):
    requests = ["GET /a?x=1 HTTP/1.1", "GET /b HTTP/1.1", "POST /b?y HTTP/1.1", "-"]
    found = read_access_log(log([line(request=request) for request in requests]))
    assert list(found.routes.items()) == [("/b", 2), ("/a", 1), ("-", 1)]


def test_a_scan_over_many_paths_does_not_fill_the_memory(log):
    scan = [line(request=f"GET /{number} HTTP/1.1") for number in range(ROUTES_COUNTED + 10)]
    again = [line(request=f"GET /{number} HTTP/1.1") for number in (0, ROUTES_COUNTED)]
    found = read_access_log(log([*scan, *again]))
    assert len(found.arrivals_s) == ROUTES_COUNTED + 12
    assert list(found.routes.items())[0] == ("/0", 2)


def test_small_disorder_is_sorted(log):
    found = read_access_log(log([line(60), line(0), line(30), line(61)]))
    assert found.arrivals_s.tolist() == [0.5, 30.5, 60.5, 61.5]
    assert found.first_time == START


def test_disorder_beyond_the_limit_is_refused(log):
    path = log([line(61), line(30), line(0), line(62)])
    with pytest.raises(ValueError, match="line 3 is 61 s earlier than a line before it, and max_disorder_s allows 60"):
        read_access_log(path)
    assert len(read_access_log(path, max_disorder_s=61).arrivals_s) == 4
    with pytest.raises(ValueError, match="line 2 is 31 s earlier"):
        read_access_log(path, max_disorder_s=0)


@pytest.mark.parametrize("wrong", [-1, math.nan, "60", None, 1e9])
def test_a_wrong_limit_is_refused(log, wrong):
    with pytest.raises(ValueError, match=r"max_disorder_s must be a number from 0 to 86,400 \(s\); for example"):
        read_access_log(log([line()]), max_disorder_s=wrong)


def test_gzip_is_known_by_its_content_not_its_name(log):
    lines = "".join(line(second) + "\n" for second in range(50)).encode()
    plain = read_access_log(log(lines, "plain.gz"))
    packed = read_access_log(log(gzip.compress(lines), "packed.log"))
    halves = read_access_log(log(gzip.compress(lines[:1000]) + gzip.compress(lines[1000:]), "two-members.gz"))
    for found in (packed, halves):
        assert np.array_equal(found.arrivals_s, plain.arrivals_s)
        assert found.lines == 50


def test_a_few_control_characters_do_not_make_a_log_binary(log):
    found = read_access_log(log([line(second) for second in range(20)] + ["\0\0\0"]))
    assert (len(found.arrivals_s), found.malformed_lines) == (20, 1)


PACKED = gzip.compress("".join(line(second) + "\n" for second in range(500)).encode())
NOISE = bytes(np.random.default_rng(1).integers(0, 256, 5_000, dtype=np.uint8))


@pytest.mark.parametrize("content, problem", [
    pytest.param(b"", "the file is empty", id="empty"),
    pytest.param(gzip.compress(b""), "the file is empty", id="empty gzip"),
    pytest.param(b"one\ntwo\n", "no line of 2 is one of an access log; line 1 is 'one'", id="no good line"),
    pytest.param(b"\n\n\n", "no line of 3 is one of an access log", id="blank lines"),
    pytest.param(b"\x89PNG\r\n\x1a\n" + NOISE, "this is a binary file", id="binary"),
    pytest.param(gzip.compress(NOISE), "this is a binary file", id="binary in gzip"),
    pytest.param(line().encode("utf-16"), "this is a binary file", id="UTF-16"),
    pytest.param(PACKED[:-20], "the gzip file is truncated", id="truncated gzip"),
    pytest.param(PACKED[:-8], "the gzip file is truncated", id="gzip without its end"),
    pytest.param(b"\x1f\x8b", "the gzip file is truncated", id="two bytes of gzip"),
    pytest.param(PACKED[:100] + NOISE[:50] + PACKED[150:], "the gzip file is damaged", id="damaged gzip"),
    pytest.param(PACKED[:-8] + b"12345678", "the gzip file is damaged", id="wrong checksum"),
    pytest.param(PACKED + b"something else", "the gzip file is damaged", id="something after gzip"),
])
def test_bad_files_are_refused(log, content, problem):
    path = log(content)
    with pytest.raises(ValueError) as refusal:
        read_access_log(path)
    message = str(refusal.value)
    assert message.startswith(f"read_access_log(path={str(path)!r}): {problem}")
    assert "Common or Combined Log Format, as text or gzip" in message
    assert message.endswith(EXAMPLE_LINE)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no-such.log'\): there is no such file"):
        read_access_log(tmp_path / "no-such.log")
    with pytest.raises(ValueError, match="this is a folder, not a file"):
        read_access_log(str(tmp_path))


@pytest.mark.parametrize("wrong", [None, 7, "", b"access.log", ["access.log"]])
def test_what_is_not_a_path_is_refused(wrong):
    with pytest.raises(ValueError, match="path must be the path of an access log; for example path='access.log'"):
        read_access_log(wrong)


def test_an_overlong_line_is_one_line(log):
    long_good = line(1, rest='200 1 "-" "' + "x" * 3 * LONGEST_LINE + '"')
    found = read_access_log(log([line(0), "y" * 3 * LONGEST_LINE, long_good, "z" * (LONGEST_LINE - 1), line(2)]))
    assert (found.lines, found.malformed_lines, len(found.arrivals_s)) == (5, 2, 3)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_large_log_is_streamed(tmp_path, packed):
    requests, path = 200_000, tmp_path / "large.log"
    with (gzip.open(path, "wb", compresslevel=1) if packed else path.open("wb")) as stream:
        for number in range(requests):
            stream.write((line(number // 60, client=f"10.0.0.{number % 250}", rest='200 512 "-" "x"') + "\n").encode())
    tracemalloc.start()
    try:
        found = read_access_log(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(found.arrivals_s), found.clients, found.malformed_lines) == (requests, 250, 0)
    assert np.all(np.diff(found.arrivals_s) > 0)
    assert found.arrivals_s[-1] < math.ceil(requests / 60)
    # The text alone is 20 million bytes; 12 bytes a request stay, the rest is passing.
    assert peak_bytes < 12 * requests + 4_000_000


def test_blocks_do_not_show_in_the_arrivals(log, monkeypatch):
    path = log([line(second // 3) for second in range(50)])
    whole = read_access_log(path).arrivals_s
    monkeypatch.setattr("sdlib.components.access_log.BLOCK", 7)
    assert np.array_equal(read_access_log(path).arrivals_s, whole)


def test_clients_replay_a_log(log):
    crowd = sd.Clients.from_access_log(log([line(0), line(3), line(3), line(7, client="198.51.100.1")]), timeout_s=5)
    run = sd.simulate(sd.Server(cpus=4, ram_gb=4), crowd, seconds=5)
    assert (crowd.users, crowd.timeout_s, crowd.access_log.lines) == (2, 5.0, 4)
    assert run.requests["arrived_s"].tolist() == [0.5, 3.25, 3.75]
    assert run.conservation()["balanced"].all()


def test_clients_report_malformed_lines(log):
    path = log([line(0), "no such line", line(3)])
    with pytest.warns(UserWarning, match="1 of 3 lines are malformed and left out; the first is line 2: .no such"):
        crowd = sd.Clients.from_access_log(path)
    assert crowd.access_log.malformed_lines == 1


def test_clients_refuse_a_log_without_a_good_line(log):
    with pytest.raises(ValueError, match="example"):
        sd.Clients.from_access_log(log(["nothing", "of", "use"]))


def test_clients_take_the_limit_that_the_refusal_names(log):
    path = log([line(0), line(100), line(0)])
    with pytest.raises(ValueError, match="max_disorder_s allows 60 s: sort the log by time, or allow more"):
        sd.Clients.from_access_log(path)
    crowd = sd.Clients.from_access_log(path, max_disorder_s=100, timeout_s=5)
    assert crowd.arrivals_s.tolist() == [0.25, 0.75, 100.5]
    with pytest.raises(ValueError, match=r"max_disorder_s must be a number from 0 to 86,400 \(s\)"):
        sd.Clients.from_access_log(path, max_disorder_s="much")


WILD = {"1970": "01/Jan/1970:00:00:07 +0000", "2090": "30/Aug/2090:12:00:00 +0000"}


@pytest.mark.parametrize("wild", WILD)
@pytest.mark.parametrize("place", [0, 7, 20])
def test_a_wild_date_is_left_out_and_told(log, wild, place):
    good = [line(second) for second in range(20)]
    path = log(["no line", *good[:place], line(stamp=WILD[wild]), *good[place:]])
    with pytest.warns(UserWarning) as told:
        crowd = sd.Clients.from_access_log(path)
    assert crowd.arrivals_s.tolist() == [second + 0.5 for second in range(20)]
    assert [str(warning.message).partition(": ")[2] for warning in told] == [
        "1 of 22 lines are malformed and left out; the first is line 1: 'no line'",
        f"1 of 22 lines have a date far from all others and are left out; the first is line {place + 2}, of "
        + ("01 January 1970" if wild == "1970" else "30 August 2090")]
    found = crowd.access_log
    assert len(found.arrivals_s) + found.malformed_lines + found.wild_lines == found.lines


def test_wild_dates_at_both_ends_and_up_to_one_in_a_hundred(log):
    good = [line(second // 10) for second in range(1000)]
    found = read_access_log(log([*good[:500], *[line(stamp=WILD["1970"])] * 5, *good[500:],
                                 *[line(stamp=WILD["2090"])] * 5]))
    assert (len(found.arrivals_s), found.wild_lines, found.first_wild[0]) == (1000, 10, 501)
    assert found.arrivals_s[-1] < 100


def test_quiet_days_and_few_lines_are_no_wild_dates(log):
    week = [line(86_400 * day + second) for day in (0, 1, 2, 3, 4, 7) for second in range(0, 36_000, 3_600)]
    assert read_access_log(log(week)).remarks() == []
    path = log([line(stamp=WILD["1970"]), line(0), line(1)])
    with pytest.warns(UserWarning, match="for 20,695.5 days in a row, more than half of the log, there is no request"):
        assert len(sd.Clients.from_access_log(path).arrivals_s) == 3


def test_the_line_of_disorder_is_named_after_malformed_and_wild_lines(log):
    good = [line(second + 100) for second in range(20)]
    path = log(["bad", line(stamp=WILD["2090"]), *good, "bad", "bad", line(0), line(130)])
    with pytest.raises(ValueError, match="line 25 is 119 s earlier than a line before it"):
        read_access_log(path)


def test_disorder_beyond_a_day_is_not_told_to_allow_more(log):
    path = log([line(90_000), line(0)])
    with pytest.raises(ValueError, match=r"line 2 is 90,000 s earlier .* 60 s: sort the log by time\. path must"):
        read_access_log(path)


def test_a_leap_second_counts_with_the_second_before_it(log):
    stamps = ["31/Dec/2016:23:59:59 +0000", "31/Dec/2016:23:59:60 +0000", "01/Jan/2017:05:29:60 +0530",
              "01/Jan/2017:00:00:00 +0000", "01/Jan/2017:00:00:60 +0000", "31/Dec/2016:23:59:61 +0000"]
    found = read_access_log(log([line(stamp=stamp) for stamp in stamps]))
    assert found.arrivals_s.tolist() == [1 / 6, 0.5, 5 / 6, 1.5]
    assert (found.malformed_lines, found.first_malformed[0]) == (2, 5)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_carriage_returns_end_lines_too(log, packed):
    content = "".join(text + "\r" for text in [line(0), "bad", line(1), "x" * 2 * LONGEST_LINE, line(3)]).encode()
    found = read_access_log(log(gzip.compress(content) if packed else content))
    assert (found.arrivals_s.tolist(), found.lines, found.malformed_lines) == ([0.5, 1.5, 3.5], 5, 2)
    assert found.first_malformed == (2, "bad")


def test_a_gzip_of_endless_blank_lines_is_refused_early(log):
    path = log(gzip.compress(b"\n" * 1_000_000, compresslevel=1))
    with pytest.raises(ValueError, match="no line of the first 100,000 is one of an access log; line 1 is ''"):
        read_access_log(path)
