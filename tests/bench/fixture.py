"""Makes the integration, the customer and the instance through the API; and idle instances, by
copying rows."""
import base64
import hashlib
import json
import os
import urllib.error
import urllib.parse
import urllib.request

from services import Failure

HERE = os.path.dirname(os.path.abspath(__file__))


class Api:
    def __init__(self, services):
        self.services = services

    def ask(self, query, **variables):
        request = urllib.request.Request(
            self.services.base_url + '/api',
            json.dumps({'query': query, 'variables': variables}).encode(),
            {'Content-Type': 'application/json', 'Authorization': 'Bearer ' + self.services.token})
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError as e:
            raise Failure('%s: %s' % (e, e.read().decode(errors='replace'))) from e
        if answer.get('errors'):
            raise Failure(json.dumps(answer['errors'], indent=1))
        return answer['data']

    def change(self, mutation, field, /, **value):
        """A mutation; returns the id of its object."""
        data = self.ask('mutation($input: %s%sInput!) { %s(input: $input) { %s { id } '
                        'errors { field messages } } }'
                        % (mutation[0].upper(), mutation[1:], mutation, field), input=value)[mutation]
        if data['errors']:
            raise Failure('%s: %s' % (mutation, json.dumps(data['errors'], indent=1)))
        return data[field]['id']


def make_instance(services, file, name):
    """Name of each flow -> path of its webhook."""
    api = Api(services)
    with open(os.path.join(HERE, file)) as f:
        integration = api.change('importIntegration', 'integration', definition=f.read())
    api.change('publishIntegration', 'integration', id=integration, comment='')
    customer = api.change('createCustomer', 'customer', name=name + ' Customer')
    instance = api.change('createInstance', 'instance', name=name + ' Instance', customer=customer,
                          integration=integration)
    api.change('deployInstance', 'instance', id=instance)
    configs = api.ask('query($id: ID!) { instance(id: $id) { flowConfigs { nodes { webhookUrl '
                      'flow { name } } } } }', id=instance)['instance']['flowConfigs']['nodes']
    return {config['flow']['name']: urllib.parse.urlsplit(config['webhookUrl']).path
            for config in configs}


def uuid_of(kind, number='n'):
    """SQL of the id of the n-th object of a kind, its end as good as random."""
    return ("overlay(overlay(md5('%d ' || %s) placing '%08x00007000' from 1) placing '8' from 17)"
            '::uuid' % (kind, number, kind))


def add_idle_instances(connection, n, customers=1000):
    """Copies of the deployed instance, each with its flow config, config and revision, spread over
    customers. Written with triggers off: the control plane reads them when it starts."""
    with connection.transaction():
        connection.execute('SET LOCAL session_replication_role = replica')
        connection.execute(
            'INSERT INTO customer (id, organization_id, name) SELECT %s, o.id, '
            "'Idle customer ' || n FROM generate_series(0, %%s - 1) n, "
            '(SELECT id FROM organization LIMIT 1) o' % uuid_of(1), [customers])
        connection.execute(
            'INSERT INTO instance (id, organization_id, customer_id, integration_id, '
            'deployed_integration_id, name, needs_deploy, config_state, deployed_revision, '
            'last_deployed_at) SELECT %s, i.organization_id, '
            "%s, i.integration_id, i.deployed_integration_id, 'Idle instance ' || n, false, "
            'i.config_state, i.deployed_revision, now() FROM generate_series(0, %%s - 1) n, '
            "(SELECT * FROM instance WHERE name = 'Bench Instance') i"
            % (uuid_of(2), uuid_of(1, '(n %% %s)')),
            [customers, n])
        connection.execute(
            'INSERT INTO instance_flow_config (id, organization_id, instance_id, flow_id, identity) '
            'SELECT %s, c.organization_id, %s, c.flow_id, c.identity FROM '
            'generate_series(0, %%s - 1) n, (SELECT c.* FROM instance_flow_config c JOIN instance i '
            "ON i.id = c.instance_id WHERE i.name = 'Bench Instance' LIMIT 1) c"
            % (uuid_of(3), uuid_of(2)), [n])
        connection.execute(
            'INSERT INTO instance_revision (instance_id, revision, organization_id, '
            'integration_id, sealed_config) SELECT %s, r.revision, r.organization_id, '
            'r.integration_id, r.sealed_config FROM generate_series(0, %%s - 1) n, (SELECT r.* FROM '
            'instance_revision r JOIN instance i ON i.id = r.instance_id AND '
            "i.deployed_revision = r.revision WHERE i.name = 'Bench Instance') r"
            % uuid_of(2), [n])
    connection.execute('ANALYZE')


def idle_hook_path(n):
    digest = hashlib.md5(b'3 %d' % n).hexdigest()
    name = 'InstanceFlowConfig:00000003-0000-7000-8%s-%s' % (digest[17:20], digest[20:])
    return '/trigger/' + base64.b64encode(name.encode()).decode()
