"""What fails by chance."""

from sdlib.kernel.draws import PART_FAILURE, uniform
from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON
from sdlib.kernel.statuses import FAILED


@jit
def fail_some(m, who, at, b, x):
    """With chance x it fails, and goes on at b."""
    entity = m.entities[who]
    if uniform(m.clock[0].seed, entity.request, entity.place, entity.turn, PART_FAILURE) < x:
        entity.status, entity.pc = FAILED, b
    return GO_ON


STEPS = (fail_some,)
