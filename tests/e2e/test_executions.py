"""Finding executions and log lines: every filter and page against the rows themselves."""
import base64
import random

import pytest

from harness import flows as f
from harness.people import Person, plain_id

N = 240
NAMES = ['SUCCESS', 'ERROR', 'PENDING']

INSERT = '''WITH made AS (SELECT (left(leat_uuid_floor(at)::text, 24) || lpad(n::text, 12, '0'))::uuid
    AS id, at, n FROM (SELECT now() - interval '10 hours' + %s * interval '2 minutes' AS at, %s AS n) x),
  accepted AS (INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision,
    accepted_by, invoke_type, flags, request)
    SELECT id, %s, %s, %s, 1, 0, %s, %s, '' FROM made),
  ended AS (INSERT INTO execution_result (id, organization_id, attempt, status, n_steps, steps_size,
    dispatched_at, started_at, ended_at, result_type, error, steps)
    SELECT id, %s, 1, %s, 1, 0, at, at, at, 'COMPLETED', %s, '' FROM made WHERE %s < 3),
  held AS (INSERT INTO execution_lease (execution_id, attempt, lease_until)
    SELECT id, 1, now() + interval '1 day' FROM made WHERE %s = 3),
  said AS (INSERT INTO log_line (id, organization_id, execution_id, instance_id, flow_config_id,
    severity, at, step_name, message)
    SELECT (left(id::text, 24) || 'a' || right(id::text, 11))::uuid, %s, id, %s, %s, %s, at, 'Say',
      'Line number ' || n FROM made)
SELECT id, leat_gid('InstanceExecutionResult', id), leat_iso(at) FROM made'''


class Row:
    def __init__(self, n, target, db):
        self.n, self.target = n, target
        self.status = random.choice([1, 1, 1, 2, 3])
        self.invoked = random.choice([0, 0, 1])
        self.test = random.random() < 0.1
        self.severity = random.choice([0, 2, 2, 3, 4])
        self.error = 'Answered 50%d' % (n % 3) if self.status == 2 else None
        org, instance, config = target.organization, target.instance, target.config
        self.id, self.gid, self.at = db.execute(INSERT, [
            n, n, org, instance, config, self.invoked, int(self.test), org, self.status, self.error,
            self.status, self.status, org, instance, config, self.severity]).fetchone()


class Target:
    """An instance whose executions are rows that nobody runs."""

    def __init__(self, stack, tenant, integration, customer):
        self.gid = tenant.instance(integration, customer=customer)
        tenant.deploy_instance(self.gid)
        self.integration, self.customer = integration, tenant.customer(customer)
        self.instance = plain_id(self.gid)
        (self.organization, self.config, self.config_gid, self.flow), = stack.sql(
            '''SELECT c.organization_id, c.id, leat_gid('InstanceFlowConfig', c.id),
            leat_gid('IntegrationFlow', c.flow_id) FROM instance_flow_config c
            WHERE c.instance_id = %s''', self.instance)


@pytest.fixture(scope='module')
def targets(stack, tenant):
    orders, stock = (tenant.publish(f.integration(name, f.flow('Main', f.trigger())))
                     for name in ('Orders', 'Stock'))
    return [Target(stack, tenant, *of) for of in (
        (orders, 'Harbour'), (orders, 'Harbour'), (stock, 'Harbour'), (orders, 'Mill'))]


@pytest.fixture(scope='module')
def rows(stack, targets):
    """Oldest first. The sweeper has seen them: what is left has a lease."""
    random.seed(7)
    with stack.postgres.connect(stack.database) as db:
        made = [Row(n, random.choice(targets), db) for n in range(N)]
    stack.sql('UPDATE sweep SET done_below = leat_uuid_floor(now())')
    return made


def paged(api, field, size, page, order='', **filters):
    """The ids of all pages, forwards or backwards."""
    kinds = {'instance': 'ID', 'instance_Customer': 'ID', 'instance_Integration': 'ID',
             'flowConfig': 'ID', 'flowConfig_Flow': 'ID', 'executionResult': 'ID',
             'status': 'ExecutionStatus', 'status_In': '[ExecutionStatus!]',
             'isTestExecution': 'Boolean', 'severity_Gte': 'Int', 'severity': 'Int'}
    names = list(filters)
    text = 'query($at: String%s) { %s(%s: %d, %s: $at%s%s) { totalCount nodes { id } pageInfo { ' \
           'hasNextPage hasPreviousPage startCursor endCursor } } }' % (
               ''.join(', $%s: %s' % (n, kinds.get(n, 'DateTime' if n.endswith('te') else 'String'))
                       for n in names), field, page, size, 'after' if page == 'first' else 'before',
               ''.join(', %s: $%s' % (n, n) for n in names), order)
    found, at = [], None
    while True:
        got = api.ask(text, at=at, **filters)[field]
        ids = [n['id'] for n in got['nodes']]
        found = found + ids if page == 'first' else ids + found
        info = got['pageInfo']
        if not info['hasNextPage' if page == 'first' else 'hasPreviousPage']:
            assert got['totalCount'] == len(found)
            return found
        at = info['endCursor' if page == 'first' else 'startCursor']


def filters_of(rows):
    """(filters, the rows they find)"""
    one, other = rows[50].target, rows[100]
    yield {}, lambda r: True
    for name in NAMES:
        yield {'status': name}, lambda r, s=1 + NAMES.index(name): r.status == s
    yield {'status': 'QUEUED'}, lambda r: False
    yield {'status_In': ['ERROR', 'PENDING']}, lambda r: r.status > 1
    yield {'instance': one.gid}, lambda r: r.target is one
    yield {'instance_Customer': one.customer}, lambda r: r.target.customer == one.customer
    yield {'instance_Customer': one.customer, 'status': 'ERROR'}, lambda r: (
        r.target.customer == one.customer and r.status == 2)
    yield {'instance_Integration': one.integration}, lambda r: (
        r.target.integration == one.integration)
    yield {'flowConfig': one.config_gid}, lambda r: r.target is one
    yield {'flowConfig_Flow': one.flow}, lambda r: r.target.flow == one.flow
    yield {'error_Icontains': 'ANSWERED 501'}, lambda r: r.error == 'Answered 501'
    yield {'invokeType': 'SCHEDULED'}, lambda r: r.invoked == 1
    yield {'isTestExecution': True}, lambda r: r.test
    yield {'startedAt_Gte': rows[30].at, 'startedAt_Lte': other.at}, lambda r: 30 <= r.n <= 100
    yield {'instance_Customer': one.customer, 'startedAt_Gte': other.at}, lambda r: (
        r.target.customer == one.customer and r.n >= 100)


def test_executions(tenant, rows):
    for filters, finds in filters_of(rows):
        wanted = [r.gid for r in reversed(rows) if finds(r)]
        for size, page in (57, 'first'), (83, 'last'):
            assert paged(tenant.api, 'executionResults', size, page, **filters) == wanted, filters
    oldest = [r.gid for r in rows]
    order = ', orderBy: [{field: STARTED_AT, direction: ASC}]'
    assert paged(tenant.api, 'executionResults', 77, 'first', order) == oldest
    customer = rows[0].target.customer
    assert paged(tenant.api, 'executionResults', 50, 'first', order, instance_Customer=customer) == [
        r.gid for r in rows if r.target.customer == customer]


def test_offset_of_merged_pages(tenant, rows):
    customer = rows[0].target.customer
    got = tenant.api.ask('query($c: ID) { executionResults(instance_Customer: $c, first: 5, offset: 9) '
                         '{ nodes { id } } }', c=customer)['executionResults']['nodes']
    assert [n['id'] for n in got] == [r.gid for r in reversed(rows)
                                      if r.target.customer == customer][9:14]


def line_of(row):
    return base64.b64encode(('Log:%s' % str(row.id)[:24] + 'a' + str(row.id)[25:]).encode()).decode()


def test_lines(tenant, rows):
    since = rows[0].at
    for filters, finds in filters_of(rows):
        names = {'startedAt_Gte': 'timestamp_Gte', 'startedAt_Lte': 'timestamp_Lte'}
        filters = {names.get(n, n): v for n, v in filters.items()}
        if set(filters) & {'status', 'status_In', 'error_Icontains', 'invokeType', 'isTestExecution'}:
            continue
        assert paged(tenant.api, 'logs', 100, 'first', **filters) == [
            line_of(r) for r in reversed(rows) if finds(r)], filters
    one = rows[7]
    for filters, finds in (
            ({'severity_Gte': 3}, lambda r: r.severity >= 3), ({'severity': 4}, lambda r: r.severity == 4),
            ({'executionResult': one.gid}, lambda r: r is one),
            ({'stepName': 'Say', 'severity_Gte': 4}, lambda r: r.severity == 4),
            ({'message_Icontains': 'NUMBER 1', 'timestamp_Gte': since}, lambda r: str(r.n)[0] == '1'),
            ({'message_Icontains': 'number 7', 'executionResult': one.gid}, lambda r: r is one),
            ({'message_Icontains': 'number', 'timestamp_Lte': rows[100].at},
             lambda r: 41 <= r.n <= 100),
            ({'message_Icontains': 'line'}, lambda r: False)):
        assert paged(tenant.api, 'logs', 60, 'first', **filters) == [
            line_of(r) for r in reversed(rows) if finds(r)], filters


def test_users_of_a_customer_see_theirs(stack, tenant, rows):
    customer = tenant.customer('Mill')
    organization = tenant.api.ask('{ organization { id } }')['organization']['id']
    api = Person(stack, organization, 'customer_admin', customer).api
    theirs = [r for r in reversed(rows) if r.target.customer == customer]
    assert paged(api, 'executionResults', 11, 'first') == [r.gid for r in theirs]
    assert paged(api, 'executionResults', 11, 'last', status='ERROR') == [
        r.gid for r in theirs if r.status == 2]
    assert paged(api, 'executionResults', 11, 'first',
                 instance_Customer=tenant.customer('Harbour')) == []
    assert paged(api, 'logs', 50, 'first') == [line_of(r) for r in theirs]


def test_lines_are_in_the_order_of_their_time(tenant):
    """A line's place is when it was said, whenever it was recorded."""
    deployed = tenant.deploy(f.integration('Talks', f.flow(
        'Main', f.trigger(), *[f.log('Say %d' % n, 'Line %d' % n, level='info') for n in range(5)])))
    run = deployed.run({})
    got = tenant.api.ask('query($e: ID) { logs(executionResult: $e, orderBy: {field: TIMESTAMP, '
                         'direction: ASC}) { nodes { message timestamp sectionId flow { name } '
                         'customer { name } } } }', e=run.id)
    lines = [n for n in got['logs']['nodes'] if n['message'].startswith('Line ')]
    assert [n['message'] for n in lines] == ['Line %d' % n for n in range(5)]
    assert lines[0]['flow'] == {'name': 'Main'} and lines[0]['customer'] == {'name': 'Customer'}
    until = tenant.api.ask('query($e: ID, $t: DateTime) { logs(executionResult: $e, timestamp_Lte: $t) { '
                           'nodes { message } } }', e=run.id, t=lines[1]['timestamp'])['logs']['nodes']
    assert [n['message'] for n in until if n['message'].startswith('Line ')] == ['Line 1', 'Line 0']


RETENTION = 'executionRetentionDays stepResultRetentionDays logRetentionDays'


def test_retention(tenant):
    def change(**days):
        return tenant.api.change('updateOrganizationRetention', 'organization', RETENTION, **days)
    assert change(logRetentionDays=7, stepResultRetentionDays=3)[0] == {
        'executionRetentionDays': None, 'stepResultRetentionDays': 3, 'logRetentionDays': 7}
    assert change(stepResultRetentionDays=None)[0] == {
        'executionRetentionDays': None, 'stepResultRetentionDays': None, 'logRetentionDays': 7}
    for days in 0, -1, 3651:
        assert [e['field'] for e in change(executionRetentionDays=days)[1]] == [
            'executionRetentionDays']
    assert change(logRetentionDays=None)[0] == dict.fromkeys(RETENTION.split())


def test_step_results_over_their_time(stack, tenant):
    """The execution is shown as before, but for what its steps returned."""
    deployed = tenant.deploy(f.integration('Old', f.flow(
        'Main', f.trigger(), f.join('Greet', 'hello ', f.ref('start.results.body.data.n')))))
    run = deployed.run({'n': '1'})
    assert run.names() == ['Start', 'Greet'] or len(run.steps) == 2
    stack.sql("UPDATE execution_result SET steps = '', steps_size = 0 WHERE leat_gid("
              "'InstanceExecutionResult', id) = %s", run.id)
    after = tenant.execution(run.id)
    assert after.steps == [] and after['status'] == 'SUCCESS' and after['stepCount'] == run['stepCount']
