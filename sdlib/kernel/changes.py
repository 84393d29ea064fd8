"""What the schedule may do to any component: take it down, bring it back, give it other places."""

from sdlib.kernel.incidents import RESIZED, RESTORED, STOPPED, write_incident
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import has_room, make_ready, retreat
from sdlib.kernel.state import GO_ON, NONE, RESUME, index
from sdlib.kernel.stations import account, bring_down, leave_queue, take_place


@jit
def kill(m, who, at, b, x):
    """Down for x seconds, or until it is restored; all that is inside is lost."""
    bring_down(m, at, m.clock[0].now + x, STOPPED)
    return GO_ON


@jit
def restore(m, who, at, b, x):
    """Up again, now."""
    m.nodes[at].down_until_s = m.clock[0].now
    write_incident(m, at, RESTORED, m.clock[0].now)
    return GO_ON


@jit
def resize(m, who, at, b, x):
    """From now on b places; who waits longest comes first."""
    account(m, at)
    node = m.nodes[at]
    if node.capacity != b:
        node.capacity = b
        write_incident(m, at, RESIZED, m.clock[0].now)
    while node.head != NONE and node.busy < node.capacity:
        if not has_room(m, 2):
            return retreat(m, who)
        heir = index(node.head)
        leave_queue(m, heir)
        take_place(m, at, heir)
        make_ready(m, heir, m.entities[heir].token, RESUME)
    return GO_ON


@jit
def set_limits(m, who, at, b, x):
    """From now on b requests fit inside, and x into memory."""
    m.nodes[at].limit, m.nodes[at].memory = b, int(x)
    return GO_ON


STEPS = (kill, restore, resize, set_limits)
