"""Health, readiness and metrics; settings that are wrong."""
import re
import subprocess

import pytest

from harness import flows as f
from harness.process import sanitizer_env
from harness.stack import program
from harness.wait import wait_until


@pytest.mark.smoke
def test_health(stack):
    assert stack.get('/healthz')[0] == 200
    assert stack.get('/readyz')[0] == 200


def test_readiness_needs_nats(stack):
    stack.nats.kill()
    wait_until(lambda: stack.get('/readyz')[0] == 503, 20, 'not ready')
    assert 'NATS' in stack.get('/readyz')[1] and stack.get('/healthz')[0] == 200
    stack.nats.start()
    stack.wait_ready()


def test_metrics(stack, tenant):
    deployed = tenant.deploy(f.integration('Measured', f.flow('Main', f.trigger())))
    accepted, recorded = stack.metric('leat_accepted_total'), stack.metric('leat_recorded')
    for _ in range(5):
        deployed.run()
    assert stack.metric('leat_accepted_total') == accepted + 5
    assert stack.metric('leat_recorded') == recorded + 5
    status, text = stack.get('/metrics')
    assert status == 200
    line = re.compile(r'(# (HELP|TYPE) \S+ .+|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? '
                      r'-?[0-9.e+]+|)')
    assert [x for x in text.splitlines() if not line.fullmatch(x)] == []


@pytest.mark.parametrize('args, words', [
    (['--nonsense'], 'nonsense'), (['--port', 'x'], 'port'), (['--port', '70000'], 'port'),
    (['--postgres', ''], 'database'), (['--log-level', 'loud'], 'loud'),
    (['--roles', 'api,cook'], 'cook'), (['--master-key', '0' * 64], 'LEAT_MASTER_KEY'),
    (['--master-key-file', '/nothing'], '/nothing'), (['--tls-cert', '/x'], 'tls')])
def test_settings_that_are_wrong(args, words):
    """Said in one line on standard error, with a status that tells."""
    env = dict(sanitizer_env(), LEAT_BUS_KEY='0' * 64, LEAT_POSTGRES='postgresql:///x')
    if not args[0].startswith('--master-key'):
        env['LEAT_MASTER_KEY'] = '0' * 64
    done = subprocess.run([program('leat-controlplane'), *args], capture_output=True, text=True,
                          timeout=30, env=env)
    assert done.returncode not in (0, None) and done.returncode > 0
    assert words in done.stderr and 'Sanitizer' not in done.stderr


def test_help():
    for name in ('leat', 'leat-controlplane', 'leat-worker'):
        done = subprocess.run([program(name), '--help'], capture_output=True, text=True,
                              timeout=30, env=sanitizer_env())
        assert done.returncode == 0 and len(done.stdout) > 100
