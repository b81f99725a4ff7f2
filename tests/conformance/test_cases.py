"""The written cases, each by itself; the flows of a file are deployed together."""
import pytest

import cases

CASES = cases.read_all()


@pytest.mark.parametrize('case', CASES, ids=[c.id for c in CASES])
def test_case(case, runner, stubbed_runner):
    if case.refused:
        runner().refuse(case)
    else:
        (stubbed_runner if case.stub else runner)().run(case)


def test_there_are_enough():
    assert len(CASES) >= 250
