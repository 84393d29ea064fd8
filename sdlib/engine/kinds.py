"""The components of the course, registered here and nowhere else.

A component of somebody else's needs no registration: a system that contains one gets a machine with it built in.
"""

from functools import cache

from sdlib.components.base import Pool
from sdlib.components.cache import Cache
from sdlib.components.cdn import CDN, Edge
from sdlib.components.database import Database
from sdlib.components.gateway import Gateway
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.messages import Shelf
from sdlib.components.providers import MailProvider, SmsProvider, WhatsAppProvider
from sdlib.components.queue import Queue
from sdlib.components.region import Line, Region
from sdlib.components.reverse_proxy import ReverseProxy
from sdlib.components.server import Server
from sdlib.components.service import Service
from sdlib.components.topic import Topic
from sdlib.components.worker import Worker
from sdlib.kernel.writer import KERNEL_STEPS

KINDS = (Pool, Server, Database, LoadBalancer, Cache, Queue, Worker, Shelf, Gateway, Service,
         MailProvider, WhatsAppProvider, SmsProvider, Topic, ReverseProxy, Region, Line, CDN, Edge)


def kinds_in(nodes):
    """KINDS, and after them the kinds of components that are not among them."""
    others = {type(node.component): None for node in nodes if type(node.component) not in KINDS}
    return (*KINDS, *others)


@cache
def steps_of(kinds):
    """Every step that is not on the path of every request, each once: the kernel's, then those of the kinds."""
    own = [step for kind in kinds for step in (*kind.steps, *filter(None, kind.actions.values()))]
    return tuple(dict.fromkeys((*KERNEL_STEPS, *own)))


@cache
def numbers_of(kinds):
    """Each step's number, as programs name it."""
    return {step: number for number, step in enumerate(steps_of(kinds))}
