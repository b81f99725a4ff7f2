#!/usr/bin/python3
"""Imports, publishes, deploys and triggers the sample integration, then prints the execution.

Usage: run_sample.py ENV_FILE. Uses the API alone, as any client would; what exists is reused."""
import json
import os
import sys
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
INTEGRATION, CUSTOMER, INSTANCE = 'Order Intake', 'Acme Corp', 'Order Intake for Acme'
ORDER = {'customer': 'Ada', 'lines': [{'sku': 'kettle', 'quantity': 1},
                                      {'sku': 'cup', 'quantity': 4}]}


class Failure(Exception):
    pass


class Client:
    def __init__(self, env_file):
        with open(env_file) as f:
            env = dict(line.strip().split('=', 1) for line in f if '=' in line)
        self.url, self.token = env['PRISMATIC_URL'], env['PRISM_ACCESS_TOKEN']

    def ask(self, query, **variables):
        body = json.dumps({'query': query, 'variables': variables}).encode()
        request = urllib.request.Request(
            self.url + '/api', body,
            {'Content-Type': 'application/json', 'Authorization': 'Bearer ' + self.token})
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError as e:
            raise Failure('%s: %s' % (e, e.read().decode(errors='replace'))) from e
        if answer.get('errors'):
            raise Failure(json.dumps(answer['errors'], indent=1))
        return answer['data']

    def change(self, mutation, field, selection, **value):
        """One mutation: its object, or its errors as an exception."""
        input_type = mutation[0].upper() + mutation[1:] + 'Input!'
        data = self.ask('mutation($input: %s) { %s(input: $input) { %s { %s } '
                        'errors { field messages } } }' % (input_type, mutation, field, selection),
                        input=value)[mutation]
        if data['errors']:
            raise Failure('%s: %s' % (mutation, json.dumps(data['errors'], indent=1)))
        return data[field]


def say(text):
    print('  ' + text, flush=True)


def first(connection):
    return connection['nodes'][0] if connection['nodes'] else None


def ensure_integration(client):
    found = first(client.ask('query($n: String) { integrations(name: $n) { nodes { id versionNumber '
                             'hasUnpublishedChanges } } }', n=INTEGRATION)['integrations'])
    with open(os.path.join(HERE, 'order-intake.yml')) as f:
        definition = f.read()
    value = {'definition': definition}
    if found:
        value['integrationId'] = found['id']
    integration = client.change('importIntegration', 'integration',
                                'id hasUnpublishedChanges', **value)
    if integration['hasUnpublishedChanges']:
        client.change('publishIntegration', 'integration', 'id versionNumber',
                      id=integration['id'], comment='The sample')
        say('integration "%s": imported and published' % INTEGRATION)
    else:
        say('integration "%s": is there' % INTEGRATION)
    return integration['id']


def ensure_customer(client):
    found = first(client.ask('query($n: String) { customers(name: $n) { nodes { id } } }',
                             n=CUSTOMER)['customers'])
    if found:
        return found['id']
    say('customer "%s": created' % CUSTOMER)
    return client.change('createCustomer', 'customer', 'id', name=CUSTOMER,
                         externalId='acme')['id']


def ensure_instance(client, integration, customer):
    found = first(client.ask('query($n: String) { instances(name: $n) { nodes { id needsDeploy } } }',
                             n=INSTANCE)['instances'])
    if not found:
        found = client.change('createInstance', 'instance', 'id needsDeploy', name=INSTANCE,
                              integration=integration, customer=customer,
                              configVariables=[{'key': 'Shop Name', 'value': 'Acme Tea'}])
        say('instance "%s": created' % INSTANCE)
    if found['needsDeploy']:
        client.change('deployInstance', 'instance', 'id', id=found['id'])
        say('instance "%s": deployed' % INSTANCE)
    return found['id']


def webhook_url(client, instance):
    configs = client.ask('query($id: ID!) { instance(id: $id) { flowConfigs { nodes { webhookUrl '
                         'flow { name } } } } }', id=instance)['instance']['flowConfigs']['nodes']
    return configs[0]['webhookUrl']


def send(url):
    request = urllib.request.Request(url, json.dumps(ORDER).encode(),
                                     {'Content-Type': 'application/json'})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)['executionId']


def wait_for(client, execution):
    for _ in range(300):
        got = client.ask('query($id: ID!) { executionResult(id: $id) { id startedAt endedAt error '
                         'resultType stepResults { nodes { displayStepName startedAt endedAt '
                         'loopPath branchName results } } } }', id=execution)['executionResult']
        if got and got['endedAt']:
            return got
        time.sleep(0.1)
    raise Failure('the execution did not end within 30 s')


def show(execution):
    print('\nexecution %s: %s' % (execution['id'], execution['error'] or execution['resultType']))
    for step in execution['stepResults']['nodes']:
        results = step['results']
        text = results if isinstance(results, str) else json.dumps(results)
        where = ' [%s]' % step['loopPath'] if step['loopPath'] else ''
        print('  %-18s%s %s' % (step['displayStepName'], where,
                                text if len(text) <= 100 else text[:100] + ' ...'))


def main():
    client = Client(sys.argv[1])
    integration = ensure_integration(client)
    customer = ensure_customer(client)
    instance = ensure_instance(client, integration, customer)
    url = webhook_url(client, instance)
    say('webhook: POST %s' % url)
    execution = wait_for(client, send(url))
    show(execution)
    print('\ntry it: curl -d \'%s\' -H \'Content-Type: application/json\' %s'
          % (json.dumps(ORDER), url))
    return 1 if execution['error'] else 0


try:
    sys.exit(main())
except (Failure, OSError) as failure:
    sys.exit('the sample failed: %s' % failure)
