"""Real files: they import, export and import again to the same meaning, and some of them run.

They are taken from the folder LEAT_EXAMPLES (or ../shared/examples beside the source tree); without
it these tests are skipped."""
import glob
import json
import os
from urllib.parse import quote

import pytest
import yaml

from harness import flows as f
from harness.api import Deployment
from harness.stack import ROOT
from harness.wait import wait_until

FOLDER = os.environ.get('LEAT_EXAMPLES') or os.path.join(ROOT, '..', 'shared', 'examples')
FILES = sorted(glob.glob(os.path.join(FOLDER, '*.y*ml')))
pytestmark = pytest.mark.skipif(not FILES, reason='no folder of examples')


def read(name):
    with open(os.path.join(FOLDER, name)) as file:
        return file.read()


def meaning(text):
    """A definition as data, without what is the same as leaving it out."""
    def clean(node):
        if isinstance(node, dict):
            cleaned = {k: clean(v) for k, v in node.items()}
            return {k: v for k, v in cleaned.items() if v not in ('', None, [], {}, False)}
        return [clean(n) for n in node] if isinstance(node, list) else node
    return clean(yaml.safe_load(text))


def definition(tenant, draft):
    return tenant.api.ask('query($id: ID!) { integration(id: $id) { definition } }',
                          id=draft)['integration']['definition']


@pytest.mark.parametrize('path', FILES, ids=[os.path.basename(p) for p in FILES])
def test_round_trip(tenant, path):
    with open(path) as file:
        text = file.read()
    first = tenant.import_(text)
    exported = definition(tenant, first)
    want, got = meaning(text), meaning(exported)
    for key in sorted(set(want) | set(got)):
        assert got.get(key) == want.get(key), key
    again = tenant.import_(exported, integrationId=first)
    assert definition(tenant, again) == exported


def connection(**inputs):
    return {'values': json.dumps([{'name': k, 'type': 'value', 'value': v}
                                  for k, v in inputs.items()])}


def deploy(tenant, name, config=None, edit=lambda text: text):
    draft = tenant.publish(edit(read(name)))
    instance = tenant.instance(draft, config=config)
    tenant.deploy_instance(instance)
    return Deployment(tenant, draft, instance)


def only(text, *names):
    """The file with these flows alone."""
    data = yaml.safe_load(text)
    data['flows'] = [flow for flow in data['flows'] if flow['name'] in names]
    return json.dumps(data)


def of_flow(deployed, name):
    return [e for e in deployed.executions() if e['flow']['name'] == name]


def test_recursive_flow(tenant, stub):
    """12 pages, 5 a round: three executions, the last of which stops at the empty page."""
    pages = [[{'id': 10 * p + i} for i in range(3)] for p in range(1, 13)]

    def comments(request):
        page = int(float(request.query['_page']))
        assert request.query['_limit'] == '3'
        return pages[page - 1] if page <= len(pages) else []
    stub.on('/comments', comments)
    stub.on('/take', lambda r: {'taken': len(r.json)})
    stub.clear()
    deployed = deploy(
        tenant, 'recursive-flow-examples.yml',
        config={'JSONPlaceholder Page Size': '3', 'Where to send values': stub.url + '/take',
                'PostgreSQL Connection': connection(host='db', database='d', username='u',
                                                    password='p'),
                'Salesforce Connection': connection(username='u', password='p', loginUrl='x'),
                'Prismatic Connection': connection(apiKey='k')},
        edit=lambda text: only(text.replace('https://jsonplaceholder.typicode.com', stub.url),
                               'JSON Placeholder Example'))
    # The trigger asks to be run on deploy.
    wait_until(lambda: len(of_flow(deployed, 'JSON Placeholder Example')) == 3, 30, 'three rounds')
    ended = [deployed.finished(e['id'])
             for e in of_flow(deployed, 'JSON Placeholder Example')]
    assert [r.json for r in stub.seen('/take')] == pages
    assert sum('Stop Execution' in e.names() for e in ended) == 1
    stub.clear()
    deployed.run(b'', 'JSON Placeholder Example', method='GET')
    wait_until(lambda: len(of_flow(deployed, 'JSON Placeholder Example')) == 6, 30, 'by its address')
    wait_until(lambda: all(e['endedAt'] for e in deployed.executions()), 30)
    assert [r.json for r in stub.seen('/take')] == pages


def test_split_payload(tenant):
    deployed = deploy(tenant, 'split-payload-example.yml',
                      config={'Prismatic Connection': connection(apiKey='k')},
                      edit=lambda text: only(text, 'Process Records'))
    execution = deployed.run([{'body': 'first words'}, {'body': 'grüße'}], 'Process Records')
    assert execution.all('Upper Case') == ['FIRST WORDS', 'GRÜSSE'] or \
        execution.all('Upper Case')[0] == 'FIRST WORDS'
    assert execution['status'] == 'SUCCESS' and len(execution.all('Upper Case')) == 2


def test_slack_router(tenant, stub):
    stub.on('/instance', {'ok': True})
    deployed = deploy(tenant, 'slack-interactivity-router.yaml', edit=lambda text: only(
        text, 'Registration Endpoint', 'Route Request'))
    execution = deployed.run({'event': 'register', 'channelId': 'C1',
                              'instanceInteractivityWebhookUrl': stub.url + '/instance'},
                             'Registration Endpoint')
    assert execution.results('Branch on Value') == 'Register'
    assert any('Registering Slack Channel "C1"' in line['message'] for line in execution.logs)
    stub.clear()
    payload = {'type': 'block_actions', 'channel': {'id': 'C1'}, 'actions': [{'value': 'yes'}]}
    body = ('payload=' + quote(json.dumps(payload))).encode()
    execution = deployed.run(body, 'Route Request',
                             headers={'Content-Type': 'application/x-www-form-urlencoded'})
    assert execution.results('Deserialize JSON') == payload
    assert execution.results('Cross Flow - Get Value') == stub.url + '/instance'
    assert stub.seen('/instance')[0].body == body

    execution = deployed.run({'event': 'deregister', 'channelId': 'C1'}, 'Registration Endpoint')
    assert execution.results('Branch on Value') == 'Deregister'
    execution = deployed.run({'event': 'other'}, 'Registration Endpoint')
    assert execution.results('Branch on Value') == 'Else'
    deployed.run(body, 'Route Request', ok=False,
                 headers={'Content-Type': 'application/x-www-form-urlencoded'})


def test_dropbox_router(tenant):
    deployed = deploy(tenant, 'example-dropbox-router.yml', config={'Dropbox Client Secret': 's'},
                      edit=lambda text: only(text, 'Registration Endpoint'))
    execution = deployed.run({'event': 'register', 'dropboxAccountId': 'dbid:1',
                              'instanceChangesWebhookUrl': 'http://x.example/1'},
                             'Registration Endpoint')
    assert execution.names() == ['Integration Trigger', 'Branch on Value', 'Log registration',
                                 'Cross Flow - Save Value']
    execution = deployed.run({'event': 'deregister', 'dropboxAccountId': 'dbid:1'},
                             'Registration Endpoint')
    assert execution.results('Branch on Value') == 'Deregister'


def test_slack_poll_registers(tenant, stub):
    stub.on('/router', {'ok': True})
    data = yaml.safe_load(read('slack-interactive-poll.yaml'))
    flow = next(flow for flow in data['flows'] if flow['name'] == 'Register with Router')
    url = flow['steps'][-1]['inputs']['url']['value']
    for variable in data['requiredConfigVars']:
        if variable['key'] == 'Select Channel':  # its data source is a connector's
            variable.pop('dataSource')
            variable.pop('inputs')
    data['requiredConfigVars'] = [v for v in data['requiredConfigVars']
                                  if v['key'] == 'Select Channel']
    data['configPages'] = []
    data['flows'] = [flow, f.flow('Handle Button Responses', f.trigger())]
    stub.clear()
    draft = tenant.publish(json.dumps(data).replace(url, stub.url + '/router'))
    instance = tenant.instance(draft, config={'Select Channel': 'C42'})
    tenant.deploy_instance(instance)
    deployed = Deployment(tenant, draft, instance)
    wait_until(lambda: of_flow(deployed, 'Register with Router'), 20, 'the deploy starts it')
    execution = deployed.finished(of_flow(deployed, 'Register with Router')[0]['id'])
    assert execution['invokeType'] == 'DEPLOY_FLOW'
    assert stub.seen('/router')[0].json == {
        'event': 'register', 'channelId': 'C42',
        'instanceInteractivityWebhookUrl': deployed.urls['Handle Button Responses']}
