"""Messages that outlive the request: their queue, their visibility timeout, and the workers that take them."""

import numpy as np

from sdlib.engine import program as do
from sdlib.engine.stations import account, join_queue, leave_queue
from sdlib.kernel.draws import PART_FAILURE, uniform
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import free_entity, go_on_first, has_room, make_ready, spawn, wake_at
from sdlib.kernel.state import DEAD, DELIVERED, GO_ON, IN_PROGRESS, NONE, RESUME, WAIT, WAITING

A_MESSAGE = 2  # room that sending one takes at most, in each array


@jit
def carry_message(m, who, op, a, b, x):
    """The instructions of queues and workers."""
    entity = m.entities[who]
    if op == do.SEND:
        if not has_room(m, A_MESSAGE):
            entity.pc -= 1
            go_on_first(m, who)
            return WAIT
        send(m, who, a, b)
    elif op == do.APPEAR:
        show(m, who, a, b)
        return WAIT
    elif op == do.RECEIVE:
        return GO_ON if start_work(m, who, a, b) else WAIT
    elif op == do.REPEAT_IF_FAILED:
        if uniform(m.clock[0].seed, entity.request, entity.place, entity.turn, PART_FAILURE) < x:
            finish_work(m, who, a)
            entity.pc = b
    else:
        delete(m, who, a)
        entity.pc = b
    return GO_ON


@jit
def send(m, who, at, life):
    """A new message, with a life of its own."""
    sender = m.entities[who]
    message = m.entities[spawn(m, sender.request, life)]
    message.turn, message.place = sender.turn, sender.place
    message.row = m.clock[0].rows
    m.clock[0].rows += 1
    row = m.messages[message.row]
    row.sent_s, row.done_s, row.channel, row.outcome = m.clock[0].now, np.nan, at, WAITING


@jit
def show(m, who, at, max_receives):
    """The message appears; or it is dead, because it was received too often."""
    message = m.entities[who]
    message.pc -= 1
    row = m.messages[message.row]
    if row.receives >= max_receives:
        m.nodes[at].lost += 1
        end_message(m, who, DEAD)
        return
    row.outcome = WAITING
    appear(m, at, who)


@jit
def start_work(m, who, at, channel):
    """Receive a message, or wait for one. True when the worker goes on now."""
    worker = m.entities[who]
    if worker.holds == NONE and not receive(m, channel, who):
        worker.pc -= 1
        return False
    account(m, at)
    m.nodes[at].busy += 1
    return True


@jit
def finish_work(m, who, at):
    """The worker is free again; returns the message that it held."""
    account(m, at)
    m.nodes[at].busy -= 1
    message = m.entities[who].holds
    m.entities[who].holds = NONE
    return message


@jit
def delete(m, who, at):
    """The work is done: delete the message, unless it was deleted or moved away meanwhile."""
    message = finish_work(m, who, at)
    m.nodes[at].served += 1
    if m.entities[message].number == m.entities[who].parent_number:
        end_message(m, message, DELIVERED)


@jit
def appear(m, at, message):
    """The message is visible: the worker that is idle longest gets it, or it waits."""
    account(m, at)
    node = m.nodes[at]
    worker = node.idle_head
    if worker == NONE:
        join_queue(m, at, message)
        return
    node.idle_head = m.entities[worker].next
    if node.idle_head == NONE:
        node.idle_tail = NONE
    give(m, at, message, worker)
    make_ready(m, worker, m.entities[worker].token, RESUME)


@jit
def give(m, at, message, worker):
    """The worker receives the message, which hides until its visibility timeout ends."""
    sent, receiver = m.entities[message], m.entities[worker]
    row = m.messages[sent.row]
    row.receives += 1
    row.outcome = IN_PROGRESS
    receiver.holds, receiver.parent_number = message, sent.number
    receiver.request, receiver.place = sent.request, sent.place
    receiver.turn = sent.turn * 1000 + row.receives
    wake_at(m, m.clock[0].now + m.nodes[at].timeout_s, message)


@jit
def receive(m, at, worker):
    """Take the first visible message. False when there is none: the worker is idle until one appears."""
    node = m.nodes[at]
    message = node.head
    if message == NONE:
        m.entities[worker].next = NONE
        if node.idle_tail == NONE:
            node.idle_head = worker
        else:
            m.entities[node.idle_tail].next = worker
        node.idle_tail = worker
        return False
    account(m, at)
    leave_queue(m, message)
    give(m, at, message, worker)
    if m.clock[0].ready_count == 0:
        return True
    make_ready(m, worker, m.entities[worker].token, RESUME)
    return False


@jit
def end_message(m, message, outcome):
    entity = m.entities[message]
    if entity.waits_at != NONE:
        account(m, entity.waits_at)
        leave_queue(m, message)
    row = m.messages[entity.row]
    row.outcome, row.done_s = outcome, m.clock[0].now
    free_entity(m, message)
