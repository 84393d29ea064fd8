"""Answers that are kept for a while, on the machine; `store` has the rules, and the same on SimPy."""

from sdlib.components.store import FETCH, NOT_STORED, SHARE, STALE, gives_way, kept_for_s, verdict
from sdlib.kernel.attributes import key_of, route_of, user_of
from sdlib.kernel.draws import PART_EARLY, log, uniform
from sdlib.kernel.errands import AN_ERRAND, NOBODY_WAITS, send_errand
from sdlib.kernel.incidents import INVALIDATED, write_incident
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import has_room, make_ready, retreat
from sdlib.kernel.state import GO_ON, NONE, RESUME, SLEEP, WAIT
from sdlib.kernel.stations import account, join_queue, join_queue_behind, leave_queue
from sdlib.kernel.statuses import OK
from sdlib.kernel.trace import QUEUED, note

# The cells hold a row for each route, where the answer depends on it (one: its block, NONE: not stored; amount: how
# long it is kept; other: 1 where it is private and stored all the same). Then for each block and key when it expires
# (time_s), how long its fetch took (amount), its newer and older neighbour in the order of use (one, other). Then for
# the same the answer (other), for which user it was fetched (time_s), the errand that fetches it for all now (one), and
# since when (amount).
# An errand that fetches for all keeps in `partner` the last who came to wait for it, and in `row` whether all of them
# stand in a row: with many thousands in line nobody could look through all of it for each answer.
IN_A_ROW, SCATTERED = 0, 1
OWN_NAME = "cache"
COUNTS = ("hits", "misses", "stale", "coalesced", "early", "passed", "leaks")
OWN = (*((count, "i8") for count in COUNTS), ("newest", "i8"), ("oldest", "i8"), ("stored", "i8"), ("capacity", "i8"),
       ("routes", "i8"), ("blocks", "i8"), ("ttl_s", "f8"), ("stale_s", "f8"), ("negative_ttl_s", "f8"), ("beta", "f8"),
       ("timeout_s", "f8"), ("down_until_s", "f8"), ("coalesces", "i4"), ("while_updating", "i4"))


def fill_store(own, cells, component, routes, blocks):
    """The start state. routes: rows for routes; blocks: how many cells the keys take."""
    own["newest"] = own["oldest"] = NONE
    own["capacity"], own["routes"], own["blocks"] = component.capacity, routes, blocks
    own["ttl_s"], own["stale_s"] = component.kept_s, component.spare_s
    own["negative_ttl_s"], own["beta"] = component.negative_s, component.beta
    own["coalesces"], own["while_updating"] = component.coalesces, component.while_updating
    cells["time_s"][routes:routes + blocks] = NOT_STORED
    cells["one"][routes + blocks:] = NONE
    cells["other"][routes + blocks:] = OK


@jit
def find(m, who, at):
    """The cell of what the request asks for; NONE where that is not stored."""
    node, request = m.nodes[at], m.entities[who].request
    cell = node.cells_from + node.cache.routes + key_of(m, request)
    if node.cache.routes == 0:
        return cell
    block = m.cells[node.cells_from + route_of(m, request)].one
    return cell + block * m.clock[0].keys if block != NONE else NONE


@jit
def spare_s(m, at, cell):
    own = m.nodes[at].cache
    return own.stale_s if m.cells[cell + own.blocks].other == OK else 0.0


@jit
def is_early(m, who, at, kept):
    """Early recomputation (Vattani et al. 2015): the nearer the end, the likelier."""
    own, entity, clock = m.nodes[at].cache, m.entities[who], m.clock[0]
    if own.beta == 0.0:
        return False
    draw = uniform(clock.seed, entity.request, entity.place, entity.turn, PART_EARLY)
    return clock.now - kept.amount * own.beta * log(draw) >= kept.time_s


@jit
def look_up(m, who, at, b, x):
    """An answer that is stored: on at b. One that another fetches, or the errand that begins at x: wait for it, then on
    at b. Else it goes on, to fetch it."""
    entity, own, now = m.entities[who], m.nodes[at].cache, m.clock[0].now
    visit = m.stack[who * m.clock[0].levels + entity.top - 1]
    visit.delay_s = now
    if now < own.down_until_s:
        own.misses += 1
        entity.delay_s = own.timeout_s
        visit.delay_s += own.timeout_s
        return SLEEP
    cell = find(m, who, at)
    if cell == NONE:
        own.passed += 1
        return GO_ON
    kept, about = m.cells[cell], m.cells[cell + own.blocks]
    found = verdict(now, kept.time_s, spare_s(m, at, cell), is_early(m, who, at, kept), about.one != NONE,
                    own.coalesces, own.while_updating != 0)
    if found == SHARE and not has_room(m, AN_ERRAND):
        return retreat(m, who)
    own.early += found > STALE and now < kept.time_s
    own.misses += found > STALE
    if found == FETCH:
        return GO_ON
    entity.pc = b
    if found == SHARE:
        wait_for_fetch(m, who, at, about, x)
        return WAIT
    own.hits += 1
    own.stale += found == STALE
    unlink(m, m.nodes[at], cell)
    link_newest(m, m.nodes[at], cell)
    entity.status = about.other
    return GO_ON


@jit
def wait_for_fetch(m, who, at, about, begins):
    """In line for the answer, behind the last who waits for the same; the first one sends off the errand."""
    is_first = about.one == NONE
    if is_first:
        about.one, about.amount = send_errand(m, who, int(begins)), m.clock[0].now
        m.entities[about.one].partner_number, m.entities[about.one].row = NOBODY_WAITS, IN_A_ROW
    else:
        m.nodes[at].cache.coalesced += 1
    errand = m.entities[about.one]
    account(m, at)
    if is_first or m.entities[errand.partner].awaits != errand.number:
        join_queue(m, at, who)
        errand.row = IN_A_ROW if is_first else SCATTERED
    else:
        join_queue_behind(m, at, who, errand.partner)
    m.entities[who].awaits, errand.partner = errand.number, who
    note(m, who, QUEUED, at, 0)


@jit
def store(m, who, at, b, x):
    """Keep the answer; the key that was used longest ago makes room."""
    entity, node, now, cell = m.entities[who], m.nodes[at], m.clock[0].now, find(m, who, at)
    own = node.cache
    if cell == NONE or now < max(own.down_until_s, node.down_until_s):
        return GO_ON
    kept, about, ttl_s = m.cells[cell], m.cells[cell + own.blocks], own.ttl_s
    if own.routes:
        ttl_s = m.cells[node.cells_from + route_of(m, entity.request)].amount
    has_spare = about.other == OK and now < kept.time_s + spare_s(m, at, cell)
    kept_s = kept_for_s(entity.status, ttl_s, own.negative_ttl_s, has_spare)
    if kept_s < 0.0:
        return GO_ON
    make_room(m, node, cell)
    link_newest(m, node, cell)
    began_s = about.amount if about.one == who else m.stack[who * m.clock[0].levels + entity.top - 1].delay_s
    kept.time_s, kept.amount = now + kept_s, now - began_s
    about.other, about.time_s = entity.status, user_of(m, entity.request)
    return GO_ON


@jit
def make_room(m, node, cell):
    """For this cell, which is not in the order of use any more then."""
    own = node.cache
    if m.cells[cell].time_s >= 0.0:
        unlink(m, node, cell)
    elif own.stored == own.capacity:
        oldest = own.oldest
        unlink(m, node, oldest)
        m.cells[oldest].time_s = NOT_STORED
    else:
        own.stored += 1


@jit
def hand_out(m, who, at, b, x):
    """The errand is back: all who wait for it go on with its answer, in order."""
    errand, about = m.entities[who], find(m, who, at) + m.nodes[at].cache.blocks
    m.cells[about].one = NONE
    waiter = first_in_line(m, at, errand)
    while waiter != NONE:
        entity = m.entities[waiter]
        following = entity.next
        if entity.awaits == errand.number:
            if not has_room(m, 2):
                return retreat(m, who)
            account(m, at)
            leave_queue(m, waiter)
            entity.awaits, entity.status, entity.server = NONE, errand.status, errand.server
            make_ready(m, waiter, entity.token, RESUME)
        elif errand.row == IN_A_ROW:
            break
        waiter = following
    return GO_ON


@jit
def first_in_line(m, at, errand):
    """The first who waits for this errand; of those who are scattered, whoever is first in line."""
    if m.entities[errand.partner].awaits != errand.number:  # the last of them was lost
        errand.row = SCATTERED
    if errand.row == SCATTERED:
        return m.nodes[at].head
    first = errand.partner
    while m.entities[first].previous != NONE and m.entities[m.entities[first].previous].awaits == errand.number:
        first = m.entities[first].previous
    return first


@jit
def settle(m, who, at, b, x):
    """An error gives way to a good answer that is still there. Where that is private, somebody else's is a leak."""
    entity, node, now, cell = m.entities[who], m.nodes[at], m.clock[0].now, find(m, who, at)
    if cell == NONE:
        return GO_ON
    own, kept, about = node.cache, m.cells[cell], m.cells[cell + node.cache.blocks]
    keeps_old = own.beta > 0.0 or own.stale_s > 0.0
    if keeps_old and gives_way(entity.status, now, about.other, kept.time_s, spare_s(m, at, cell)):
        own.stale += now >= kept.time_s
        entity.status, entity.server = OK, NONE
    if own.routes and entity.status == OK and m.cells[node.cells_from + route_of(m, entity.request)].other:
        own.leaks += about.time_s != user_of(m, entity.request)
    return GO_ON


@jit
def unlink(m, node, cell):
    newer, older = m.cells[cell].one, m.cells[cell].other
    if newer == NONE:
        node.cache.newest = older
    else:
        m.cells[newer].other = older
    if older == NONE:
        node.cache.oldest = newer
    else:
        m.cells[older].one = newer


@jit
def link_newest(m, node, cell):
    m.cells[cell].one, m.cells[cell].other = NONE, node.cache.newest
    if node.cache.newest == NONE:
        node.cache.oldest = cell
    else:
        m.cells[node.cache.newest].one = cell
    node.cache.newest = cell


@jit
def forget_all(m, at):
    node, own = m.nodes[at], m.nodes[at].cache
    first = node.cells_from + own.routes
    for cell in range(first, first + own.blocks):
        m.cells[cell].time_s = NOT_STORED
    own.stored, own.newest, own.oldest = 0, NONE, NONE


@jit
def invalidate(m, who, at, b, x):
    """Forget all."""
    forget_all(m, at)
    write_incident(m, at, INVALIDATED, m.clock[0].now)
    return GO_ON


STEPS = (look_up, store, hand_out, settle)


def write_look_up(write, component, leave=None):
    """The instructions of a look-up, and of a fetch for all. leave: writes what is done before the answer goes back."""
    found = write.do(look_up)
    write.call()
    write.do(store)
    write.land(found)
    if component.keeps_old or component.leaks:
        write.do(settle)
    if leave is not None:
        leave()
    write.back()
    if component.coalesces or component.while_updating:
        write.errand(found, "x", lambda: _fetch_for_all(write))


def _fetch_for_all(write):
    write.call()
    write.do(store)
    write.do(hand_out)
