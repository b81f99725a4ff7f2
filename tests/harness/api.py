"""The API as a client sees it, and a tenant that makes integrations and instances through it."""
import http.client
import itertools
import json

from harness import flows
from harness.sender import Sender, send
from harness.wait import wait_until

numbers = itertools.count(1)

EXECUTION = '''query($id: ID!) { executionResult(id: $id) {
  id startedAt endedAt dispatchedAt runStartedAt status resultType invokeType error errorStep
  attempt stepCount isSynchronous isTestExecution
  flow { name } instance { id name }
  stepResults { totalCount nodes { stepName displayStepName component action startedAt endedAt
    hasError error branchName loopPath attempts results contentType } }
  logs(first: 100) { nodes { level message stepName } } } }'''


class ApiError(AssertionError):
    def __init__(self, errors):
        super().__init__(json.dumps(errors, indent=1))
        self.errors = errors


class Api:
    def __init__(self, url, token):
        self.url = url
        self.token = token

    def post(self, body, headers=None):
        """The plain HTTP reply."""
        headers = {'Content-Type': 'application/json', 'Authorization': 'Bearer ' + self.token,
                   **(headers or {})}
        return send(self.url + '/api', body, headers=headers, timeout=60)

    def ask(self, query, **variables):
        """The data of a query that must succeed."""
        reply = self.post({'query': query, 'variables': variables})
        answer = reply.json
        if reply.status != 200 or answer.get('errors'):
            raise ApiError(answer)
        return answer['data']

    def change(self, mutation, field, selection, **value):
        """One mutation: (its object or None, its errors)."""
        kind = mutation[0].upper() + mutation[1:] + 'Input!'
        data = self.ask('mutation($input: %s) { %s(input: $input) { %s { %s } errors { field '
                        'messages } } }' % (kind, mutation, field, selection),
                        input=value)[mutation]
        return data[field], data['errors']

    def done(self, mutation, field, selection, **value):
        """One mutation that must succeed: its object."""
        made, errors = self.change(mutation, field, selection, **value)
        if errors:
            raise ApiError(errors)
        return made


class Execution:
    """An execution as the API tells it."""

    def __init__(self, data):
        self.data = data
        self.id = data['id']
        self.error = data['error']
        self.steps = data['stepResults']['nodes']
        self.logs = data['logs']['nodes']

    def __getitem__(self, key):
        return self.data[key]

    def names(self):
        return [s['displayStepName'] for s in self.steps]

    def all(self, name):
        """The results of every run of a step, in order."""
        return [s['results'] for s in self.steps if s['displayStepName'] == name]

    def step(self, name):
        found = [s for s in self.steps if s['displayStepName'] == name]
        assert found, 'step %s did not run: %s' % (name, self.names())
        return found[-1]

    def results(self, name):
        return self.step(name)['results']

    @property
    def payload(self):
        """What the trigger gave."""
        return self.steps[0]['results']


class Deployment:
    """A deployed instance and the webhooks of its flows."""

    def __init__(self, tenant, integration, instance):
        self.tenant = tenant
        self.api = tenant.api
        self.integration = integration
        self.id = instance
        self.refresh()

    def refresh(self):
        got = self.api.ask('query($id: ID!) { instance(id: $id) { flowConfigs { nodes { id '
                           'webhookUrl flow { id name } } } } }', id=self.id)['instance']
        self.urls = {n['flow']['name']: n['webhookUrl'] for n in got['flowConfigs']['nodes']}
        self.flow_configs = {n['flow']['name']: n['id'] for n in got['flowConfigs']['nodes']}

    def url(self, flow=None):
        return self.urls[flow] if flow else next(iter(self.urls.values()))

    def send(self, body=b'', flow=None, **options):
        return send(self.url(flow), body, **options)

    def sender(self, flow=None):
        return Sender(self.url(flow))

    def run(self, body=b'', flow=None, ok=True, **options):
        """Calls the webhook and waits for the recorded execution."""
        return self.finished(self.send(body, flow, **options).execution_id, ok)

    def finished(self, execution_id, ok=True, timeout=60):
        return self.tenant.finished(execution_id, ok, timeout)

    def executions(self, **filters):
        """The newest 100 executions of the instance, newest first."""
        return self.tenant.executions(instance=self.id, **filters)

    def count(self):
        """How many executions the instance has."""
        return self.api.ask('query($i: ID) { executionResults(instance: $i) { totalCount } }',
                            i=self.id)['executionResults']['totalCount']


class Tenant:
    """An organization with its token."""

    def __init__(self, stack, name):
        self.stack = stack
        self.name = name
        self.api = Api(stack.url, stack.token(name))
        self.customers = {}

    def customer(self, name):
        if name not in self.customers:
            self.customers[name] = self.api.done('createCustomer', 'customer', 'id', name=name,
                                                 externalId='x-' + name)['id']
        return self.customers[name]

    def import_(self, definition, **more):
        """The draft's id."""
        return self.api.done('importIntegration', 'integration', 'id',
                             definition=flows.text_of(definition), **more)['id']

    def publish(self, definition, **more):
        """Imports and publishes: the draft's id."""
        draft = self.import_(definition, **more)
        self.api.done('publishIntegration', 'integration', 'id versionNumber', id=draft)
        return draft

    def instance(self, integration, customer='Customer', name=None, config=None, api_keys=None):
        """An instance that is not deployed yet: its id. api_keys: flow name -> keys."""
        value = {'integration': integration, 'customer': self.customer(customer),
                 'name': name or 'Instance %d' % next(numbers)}
        if config:
            value['configVariables'] = [
                {'key': k, **(v if isinstance(v, dict) else {'value': v})}
                for k, v in config.items()]
        if api_keys:
            value['flowConfigs'] = [{'flowId': self.flow_id(integration, flow), 'apiKeys': keys}
                                    for flow, keys in api_keys.items()]
        return self.api.done('createInstance', 'instance', 'id', **value)['id']

    def flow_id(self, integration, name):
        """Of the latest version."""
        got = self.api.ask('query($id: ID!) { integration(id: $id) { versionSequence { nodes { '
                           'versionNumber flows { nodes { id name } } } } } }',
                           id=integration)['integration']['versionSequence']['nodes']
        latest = max(got, key=lambda v: v['versionNumber'])
        return next(f['id'] for f in latest['flows']['nodes'] if f['name'] == name)

    def deploy_instance(self, instance):
        self.api.done('deployInstance', 'instance', 'id needsDeploy', id=instance)

    def deploy(self, definition, **options):
        """From a definition to a running instance."""
        integration = self.publish(definition)
        instance = self.instance(integration, **options)
        self.deploy_instance(instance)
        return Deployment(self, integration, instance)

    def execution(self, execution_id):
        got = self.api.ask(EXECUTION, id=execution_id)['executionResult']
        return Execution(got) if got else None

    def finished(self, execution_id, ok=True, timeout=60):
        """Waits for the end of an execution, which must succeed (ok) or fail; None: either."""
        def ended():
            execution = self.execution(execution_id)
            return execution if execution and execution['endedAt'] else None
        execution = wait_until(ended, timeout, 'execution %s ends' % execution_id)
        assert ok in (None, execution.error is None), 'error: %s' % execution.error
        return execution

    def executions(self, **filters):
        """Ids, newest first."""
        got = self.api.ask('query($i: ID) { executionResults(first: 100, instance: $i) { nodes { '
                           'id endedAt error invokeType flow { name } } } }',
                           i=filters.pop('instance'))
        nodes = got['executionResults']['nodes']
        return [n for n in nodes if all(n[k] == v for k, v in filters.items())]


def answers(url):
    """Whether something speaks HTTP there."""
    try:
        return send(url, method='GET', timeout=2).status > 0
    except (OSError, http.client.HTTPException):
        return False
