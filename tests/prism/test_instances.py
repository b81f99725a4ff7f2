"""Instances, their flows and config variables, and listening to a draft."""
import json
import os
import subprocess
import shutil

import pytest

from harness import flows as f
from harness.sender import send
from harness.wait import wait_until


@pytest.fixture(scope='module')
def shop(prism, tenant):
    """(draft, its version, an instance of it, the customer)"""
    draft = tenant.publish(f.integration('Shop', f.flow(
        'Main', f.trigger(), f.make_object('Got', n=f.ref('start.results.body.data.n'),
                                           shop=f.config('Shop'))),
        config_vars=[f.string_var('Shop')]))
    version = tenant.api.ask('query($i: ID!) { integration(id: $i) { versionSequence { nodes { id } '
                             '} } }', i=draft)['integration']['versionSequence']['nodes'][0]['id']
    customer = tenant.customer('Corner')
    made = prism('instances:create', '--name', 'Corner shop', '--description', 'the first',
                 '--integration', version, '--customer', customer, '--config-vars',
                 '[{"key": "Shop", "value": "Corner"}]', '--label', 'Paid')
    return draft, version, made, customer


def test_list_and_config_vars(prism, shop):
    draft, _, made, customer = shop
    row, = prism.rows('instances:list', '--customer', customer, '--integration', draft)
    assert (row['id'], row['name'], row['description'], row['customerid'], row['enabled']) == \
        (made, 'Corner shop', 'the first', customer, 'true')
    row, = prism.rows('instances:config-vars:list', made)
    assert (row['key'], row['value']) == ('Shop', 'Corner')


def test_deploy_flow_configs_and_test(prism, tenant, shop):
    made = shop[2]
    assert prism('instances:deploy', made) == made
    row, = prism.rows('instances:flow-configs:list', made)
    assert row['name'] == 'Main' and row['webhookUrl'].startswith(tenant.stack.url)
    prism('instances:flow-configs:test', row['id'], '--payload', '{"n": 4}')
    run, = tenant.executions(instance=made)
    assert tenant.finished(run['id']).results('Got') == {'n': 4, 'shop': 'Corner'}


def test_update_disable_enable_delete(prism, tenant, shop):
    _, version, made, customer = shop
    assert prism('instances:update', made, '--name', 'Second', '--description', 'later', '--label',
                 'Gold', '--version', version, '--deploy') == made
    prism('instances:disable', made)
    ask = 'query($i: ID!) { instance(id: $i) { name description labels enabled needsDeploy } }'
    assert tenant.api.ask(ask, i=made)['instance'] == {
        'name': 'Second', 'description': 'later', 'labels': ['gold'], 'enabled': False,
        'needsDeploy': False}
    prism('instances:enable', made)
    assert tenant.api.ask(ask, i=made)['instance']['enabled']
    prism('instances:delete', made)
    assert tenant.api.ask(ask, i=made)['instance'] is None


def test_listen(prism, tenant, shop):
    """A call of the test address is captured, and its flow does not run."""
    draft = shop[0]
    url = tenant.api.ask('query($i: ID!) { integration(id: $i) { flows { nodes { testUrl } } } }',
                         i=draft)['integration']['flows']['nodes'][0]['testUrl']
    listener = subprocess.Popen(
        [shutil.which('node'), prism.main, 'integrations:flows:listen', '-i', draft, '--flow-name',
         'Main', '--output', prism.folder + '/captured', '--timeout', '60'], env=prism.env,
        cwd=prism.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        listening = "SELECT count(*) FROM instance WHERE listening"
        wait_until(lambda: tenant.stack.sql(listening) == [(1,)], 30, 'it listens')
        captured = lambda: tenant.execution(send(url, {'n': 9}).execution_id)['invokeType'] == \
            'WEBHOOK_SNAPSHOT'
        wait_until(captured, 10, 'calls are captured', every=0.3)
        said, _ = listener.communicate(timeout=60)
    finally:
        listener.kill()
        listener.wait()
    assert listener.returncode == 0, said
    file, = os.listdir(prism.folder + '/captured')
    with open(prism.folder + '/captured/' + file) as text:
        got = json.load(text)
    assert (got['payload'], got['triggerType'], got['contentType']) == ({'n': 9}, 'WEBHOOK',
                                                                        'application/json')
    assert tenant.stack.sql(listening) == [(0,)]
    run = tenant.finished(send(url, {'n': 1}).execution_id)
    assert run['invokeType'] == 'WEBHOOK' and 'Got' in run.names()
