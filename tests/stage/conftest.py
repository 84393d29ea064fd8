import pytest

from sdlib.results import trace_rows
from tests.stage import made_up


@pytest.fixture(autouse=True, scope="session")
def made_up_rows():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_rows, "rows_of", made_up.rows_of)
        yield
