"""Attempts, retries and parallel calls: what an entity sends off, and how it hears of it.

An errand is an entity of its own. Its sender waits for one errand until a timeout, or for several until all are back;
it knows them by `awaits`, so an errand whose sender has given up tells nobody.
"""

from sdlib.kernel.draws import PART_JITTER, uniform
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import free_entity, has_room, make_ready, push, retreat, spawn
from sdlib.kernel.retry import HEDGED, MOST_SAVED
from sdlib.kernel.retry import next_turn as _next_turn
from sdlib.kernel.retry import retry_delay_s as _retry_delay_s
from sdlib.kernel.state import GO_ON, NONE, RESUME, SLEEP, TRIES, WAIT, index
from sdlib.kernel.stations import call, pop_level
from sdlib.kernel.statuses import IN_FLIGHT, OK, TIMED_OUT
from sdlib.kernel.trace import GAVE_UP, SENT, note

next_turn, retry_delay_s = jit(_next_turn), jit(_retry_delay_s)
AN_ERRAND = 2  # room that sending one takes at most, in each array
NOBODY_WAITS = -2  # in place of what the sender awaits
CLIENTS_LINK = 0


@jit
def begin_tries(m, who, at, b, x):
    """Before the first attempt along link b."""
    link, entity = m.links[b], m.entities[who]
    if link.budget >= 0.0:
        link.saved = min(MOST_SAVED, link.saved + link.budget)
    level = m.stack[push(m, who, TRIES, 0)]
    level.about, level.delay_s = entity.turn, 0.0
    return GO_ON


@jit
def attempt(m, who, at, b, x):
    """One more attempt along link b: by the entity itself, or by an errand (it begins at x) until the timeout."""
    entity = m.entities[who]
    level = m.stack[index(who * m.clock[0].levels + entity.top - 1)]
    level.value += 1
    entity.turn, entity.server = next_turn(level.about, level.value), NONE
    if b == CLIENTS_LINK and level.value > 1:
        m.requests[entity.request].attempts = level.value
        note(m, who, SENT, NONE, level.value)
    if x < 0:
        call(m, who, b)
        return GO_ON
    expect(m, who, 1)
    send_errand(m, who, int(x))
    entity.status = TIMED_OUT  # what it is if the timer ends the wait
    link = m.links[b]
    entity.delay_s = link.timeout_s if link.hedge_s < 0.0 else link.hedge_s
    return SLEEP


@jit
def hedge(m, who, at, b, x):
    """Not back yet: the same along link b once more (the errand begins at x); whichever is back first counts."""
    entity, link = m.entities[who], m.links[b]
    if entity.awaits == NONE:
        return GO_ON
    turn, entity.turn = entity.turn, next_turn(entity.turn, HEDGED)
    send_errand(m, who, int(x))
    entity.turn = turn
    if link.timeout_s < 0.0:
        return WAIT
    entity.delay_s = link.timeout_s - link.hedge_s
    return SLEEP


@jit
def judge(m, who, at, b, x):
    """Done when it went well or patience is over; else wait, and try again at x."""
    entity, link, clock = m.entities[who], m.links[b], m.clock[0]
    level = m.stack[index(who * clock.levels + entity.top - 1)]
    if entity.awaits != NONE:
        entity.awaits = NONE
        note(m, who, GAVE_UP, link.node, level.value)
    if entity.status == OK or level.value > link.retries or not may_retry(link):
        pop_level(m, who)
        return GO_ON
    draw = uniform(clock.seed, entity.request, entity.place, entity.turn, PART_JITTER)
    level.delay_s = retry_delay_s(link.schedule, link.jitter, level.value, link.first_s, link.most_s, level.delay_s,
                                  draw)
    entity.delay_s, entity.status, entity.pc = level.delay_s, IN_FLIGHT, int(x)
    return SLEEP


@jit
def may_retry(link):
    """Whether the budget allows one more; it pays for it."""
    if link.budget < 0.0:
        return True
    if link.saved < 1.0:
        return False
    link.saved -= 1.0
    return True


@jit
def gather(m, who, at, b, x):
    """Before b parallel calls."""
    expect(m, who, b)
    return GO_ON


@jit
def fork(m, who, at, b, x):
    """Send off one of the parallel calls; its errand begins at b."""
    if not has_room(m, AN_ERRAND):
        return retreat(m, who)
    send_errand(m, who, b)
    return GO_ON


@jit
def send_off(m, who, at, b, x):
    """Send off an errand that begins at b, and for which nobody waits."""
    if not has_room(m, AN_ERRAND):
        return retreat(m, who)
    m.entities[send_errand(m, who, b)].partner_number = NOBODY_WAITS
    return GO_ON


@jit
def join(m, who, at, b, x):
    """Wait until all parallel calls have returned."""
    return WAIT


@jit
def expect(m, who, count):
    entity = m.entities[who]
    entity.awaits, entity.left, entity.answer = m.clock[0].next_number, count, OK


@jit
def send_errand(m, who, begins):
    sender = m.entities[who]
    number = spawn(m, sender.request, begins)
    errand = m.entities[number]
    errand.turn, errand.place = sender.turn, sender.place
    errand.partner, errand.partner_number = who, sender.awaits
    return number


@jit
def tell(m, who, at, b, x):
    """The errand is done: bring its status to the sender, if that still waits for it. The first failure counts."""
    errand = m.entities[who]
    sender = m.entities[errand.partner]
    if sender.awaits == errand.partner_number:
        sender.left -= 1
        sender.server = errand.server
        if sender.answer == OK:
            sender.answer = errand.status
        if sender.left == 0:
            sender.awaits, sender.status = NONE, sender.answer
            sender.token += 1
            make_ready(m, errand.partner, sender.token, RESUME)
    free_entity(m, who)
    return WAIT


STEPS = (begin_tries, attempt, hedge, judge, gather, fork, send_off, join, tell)
