"""Fixtures of the tests that drive the real processes."""
import faulthandler
import signal
import sys

import pytest

from harness.api import Tenant
from harness.stack import Cluster, Stack
from harness.stub import Stub

faulthandler.register(signal.SIGUSR1, file=sys.__stderr__)


@pytest.fixture(scope='session')
def cluster():
    made = Cluster()
    yield made
    made.close()


@pytest.fixture(scope='module')
def stack(cluster):
    """All processes, on a fresh database."""
    made = Stack(cluster).start()
    yield made
    made.stop()


@pytest.fixture(scope='module')
def tenant(stack):
    return Tenant(stack, 'Acme Software')


@pytest.fixture(scope='module')
def stub():
    made = Stub()
    yield made
    made.close()
