"""Every flow of the example files, from end to end; steps of connectors, and of components that the
worker does not have, are answered by a component of the tests (examples.yml says how).

The files are taken from the folder LEAT_EXAMPLES (or ../shared/examples beside the source tree);
without it these tests are skipped."""
import base64
import glob
import json
import os

import pytest
import yaml

import cases
from harness.api import Deployment, Tenant
from harness.stack import ROOT
from harness.wait import wait_until
from runner import Call, StubbedStack, same

FOLDER = os.environ.get('LEAT_EXAMPLES') or os.path.join(ROOT, '..', 'shared', 'examples')
HERE = os.path.dirname(os.path.abspath(__file__))
FILES = sorted(glob.glob(os.path.join(FOLDER, '*.y*ml')))
pytestmark = pytest.mark.skipif(not FILES, reason='no folder of examples')
OUTSIDE = ('https://postman-echo.com/post', 'https://jsonplaceholder.typicode.com/comments',
           'https://hooks.prismatic.io/trigger/')


def scenarios(third_party_url):
    with open(os.path.join(HERE, 'examples.yml'), encoding='utf-8') as f:
        return yaml.load(f.read().replace('THIRD_PARTY', third_party_url), cases.Loader)


def all_steps(steps):
    for step in steps:
        yield step
        yield from all_steps(step.get('steps') or [])
        for branch in step.get('branches') or []:
            yield from all_steps(branch.get('steps') or [])


def definition(path, url, answers):
    """The file with the answers put in and addresses of others' servers turned to ours."""
    with open(path, encoding='utf-8') as f:
        data = yaml.safe_load(f)
    told = set()
    for flow in data['flows']:
        for step in all_steps(flow['steps']):
            name = '%s/%s' % (flow['name'], step['name'])
            if name in answers:
                told.add(name)
                step.setdefault('inputs', {})['answer'] = cases.literal(json.dumps(answers[name]))
            target = (step.get('inputs') or {}).get('url') or {}
            if str(target.get('value')).startswith(OUTSIDE):
                comments = 'comments' in target['value']
                target['value'] = url + ('/comments' if comments else '/acme')
    assert told == set(answers), 'no such step: %s' % (set(answers) - told)
    return data


def config_of(data, config):
    """Values for every variable; a connection gets one that nobody looks at."""
    token = {'values': json.dumps([{'name': 'token', 'type': 'value', 'value': 't'}])}
    return {v['key']: token if v['dataType'] == 'connection' else config[v['key']]
            for v in data.get('requiredConfigVars') or []
            if v['dataType'] == 'connection' or v['key'] in config}


def starts_on_deploy(flow):
    trigger = flow['steps'][0]
    on_deploy = (trigger.get('inputs') or {}).get('runOnDeploy') or {}
    return trigger['action']['key'] == 'instanceDeploy' or on_deploy.get('value') == 'true'


@pytest.fixture(scope='module')
def others(third_party):
    third_party.on('/acme', {'ok': True})
    third_party.on('/comments', lambda r: [{'id': 1}, {'id': 2}] if r.query.get('_page', '1') == '1'
                   else [])
    third_party.on('/result', (200, {'Content-Type': 'application/octet-stream'},
                               base64.b64decode('gaRkYXRhkaFB')))  # MessagePack of {data: ["A"]}
    return third_party


def check(call, execution, seen):
    names = execution.names()[1:]
    assert names == call['steps']
    for name, want in (call.get('results') or {}).items():
        assert same(want, execution.results(name)), '%s: %r' % (name, execution.results(name))
    if 'fails' in call:
        assert call['fails'] in execution.error
    if 'seen' in call:
        assert [r.json for r in seen] == call['seen']


@pytest.mark.parametrize('path', FILES, ids=[os.path.basename(p) for p in FILES])
def test_example(started, others, path):
    scenario = scenarios(others.url)[os.path.basename(path)]
    data = definition(path, others.url, scenario.get('answers') or {})
    tenant = Tenant(started(StubbedStack), 'Examples of ' + os.path.basename(path))
    draft = tenant.publish(json.dumps(data))
    instance = tenant.instance(draft, config=config_of(data, scenario.get('config') or {}))
    tenant.deploy_instance(instance)
    deployed = Deployment(tenant, draft, instance)
    expected = sum(starts_on_deploy(flow) for flow in data['flows'])
    wait_until(lambda: deployed.count() >= expected and
               all(e['endedAt'] for e in deployed.executions()), 60, 'what the deploy starts ends')
    called = set()
    for call in scenario['calls']:
        others.clear()
        reply = Call(tenant, deployed, cases.Case('examples', '', {'name': call['flow']}),
                     {'send': call.get('send')}).send()
        if 'answer' in call:
            assert reply.json == call['answer']
        execution_id = reply.headers.get('prismatic-executionid') or reply.execution_id
        check(call, tenant.finished(execution_id, 'fails' not in call), others.seen('/acme'))
        called.add(call['flow'])
    assert called == {flow['name'] for flow in data['flows']}
