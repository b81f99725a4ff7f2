"""What the conformance tests share: the platform once for all of them, and the evaluator."""
import os
import sys

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
pytest.register_assert_rewrite('runner')

import cases  # noqa: E402
from evaluator import Evaluator  # noqa: E402
from harness.api import Tenant  # noqa: E402
from harness.stack import Stack, build_dir  # noqa: E402
from harness.stub import Stub  # noqa: E402
from runner import Runner, StubbedStack  # noqa: E402

set_hypothesis_home_dir(os.path.join(build_dir(), 'hypothesis'))


def pytest_addoption(parser):
    parser.addoption('--long', action='store_true', default=False,
                     help='fuzz with many new examples instead of the few fixed ones')


@pytest.fixture(scope='session')
def long(request):
    return request.config.getoption('--long')


@pytest.fixture(scope='session')
def evaluator():
    made = Evaluator()
    yield made
    made.close()


@pytest.fixture(scope='session')
def third_party():
    """An HTTP server with fixed answers; /twice-down/<name> fails two times, then answers."""
    made = Stub()
    made.on('/hello', {'hello': 'world'})
    made.on('/binary', (200, {'Content-Type': 'image/png'}, b'\x89PNG\x00\xff'))
    made.on('/down', (503, {'sorry': True}))
    made.on('/echo', lambda r: {'method': r.method, 'body': r.body.decode(), 'query': r.query})
    for name in ('step', 'loop', 'ignored'):
        path = '/twice-down/' + name
        made.on(path, lambda r, path=path: {'up': len(made.seen(path))}
                if len(made.seen(path)) > 2 else (503, {'sorry': True}))
    yield made
    made.close()


@pytest.fixture(scope='session')
def started(cluster):
    """Starts stacks when they are first needed."""
    running = {}

    def start(kind):
        if kind not in running:
            running[kind] = kind(cluster).start()
        return running[kind]
    yield start
    for stack in running.values():
        stack.stop()


def runner_of(started, third_party, kind, stub):
    made = []

    def get():
        if not made:
            some = [c for c in cases.read_all() if c.stub == stub]
            made.append(Runner(Tenant(started(kind), 'Conformance'), third_party.url, some))
        return made[0]
    return get


@pytest.fixture(scope='session')
def runner(started, third_party):
    return runner_of(started, third_party, Stack, False)


@pytest.fixture(scope='session')
def stubbed_runner(started, third_party):
    return runner_of(started, third_party, StubbedStack, True)
