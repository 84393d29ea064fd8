"""A cache: answers what was asked recently, passes on what was not."""

from dataclasses import dataclass

from sdlib.components.base import OK, Component, knob


@dataclass(frozen=True, eq=False)
class Cache(Component):
    """Least-recently-used cache in front of another component.

    A request asks for one of `Clients.objects` keys. A hit is answered here; a miss is fetched from behind and
    stored. When full, the key that was used longest ago goes. With ttl_s, a stored answer expires.
    """

    shape, shown = "stack", ("capacity",)

    target: Component = knob(doc="what a miss is fetched from", kind="component", example="sd.Database()")
    capacity: int = knob(1_000, doc="objects that fit", unit="objects", kind="whole", low=1, high=10_000_000)
    ttl_s: float = knob(None, doc="time until a stored answer expires; None: never", unit="s", low=0.001,
                        high=31_536_000, optional=True, example=60)
    lookup_ms: float = knob(0.5, doc="time of one look-up", unit="ms", low=0.0, high=60_000)

    def behind(self):
        return (self.target,)

    def process(self, here, request):
        """One look-up, and on a miss the way to what stands behind."""
        yield here.work(request, self.lookup_ms)
        if here.look_up(request):
            return OK
        status = yield from here.call(request)
        if status == OK:
            here.store(request)
        return status

    def program(self, write):
        """The same as instructions."""
        write.work(self.lookup_ms)
        write.fetch()
        write.back()
