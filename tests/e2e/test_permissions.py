"""Who may do what: every operation of the API, called by every role, with ids of its own, of another
customer, of another organization and of nothing. The calls are made from the schema, so a new
operation is tested as soon as it is there; see harness/calls.py for what cannot be guessed."""
import uuid

import psycopg
import pytest

from harness.calls import Calls
from harness.people import CUSTOMER_ROLES, ORGANIZATION_ROLES, global_id, plain_id
from harness.schema import Schema
from harness.sender import Sender
from harness.worlds import Worlds

SCHEMA = Schema()
QUERIES = sorted(SCHEMA.types['Query'].fields)
MUTATIONS = sorted(SCHEMA.types['Mutation'].fields)
FIELDS = sorted((t, f) for t, made in SCHEMA.types.items() if made.kind == 'type'
                and t not in ('Query', 'Mutation') for f in made.fields
                if SCHEMA.says_who(t, f))

@pytest.fixture(scope='module')
def worlds(stack):
    return Worlds(stack, SCHEMA, lambda api: Calls(api, SCHEMA))


@pytest.fixture(scope='module')
def operations(worlds):
    return {(root, o.name): o for root in ('Query', 'Mutation')
            for o in worlds.calls.operations(root)}


@pytest.fixture(scope='module')
def ask(worlds):
    connection = Sender(worlds.stack.url, timeout=60)

    def send(person, document, variables):
        headers = {'Authorization': 'Bearer ' + person.api.token}
        reply = connection.send({'query': document, 'variables': variables}, headers=headers,
                                more='/api')
        assert reply.status == 200, reply.text
        answer = reply.json
        codes = [e.get('extensions', {}).get('code') for e in answer.get('errors', [])]
        assert not {'INTERNAL', 'TIMEOUT', 'UNAVAILABLE', 'TOO_COMPLEX', 'TOO_DEEP'} & set(codes), (
            person.role, document, variables, answer,
            worlds.stack.controlplane.log_tail(1000))
        return answer, 'FORBIDDEN' in codes, reply.text
    yield send
    connection.close()


# ---- what the schema says ----

@pytest.mark.parametrize('root, name', [('Query', q) for q in QUERIES] +
                         [('Mutation', m) for m in MUTATIONS])
def test_it_says_who(root, name):
    assert SCHEMA.says_who(root, name), '%s.%s has no @role' % (root, name)


def allowed(role, root='Mutation'):
    scale = CUSTOMER_ROLES if role in CUSTOMER_ROLES else ORGANIZATION_ROLES
    kind = 'customer' if scale is CUSTOMER_ROLES else 'org'
    needs = {name: SCHEMA.role(root, name)[kind] for name in SCHEMA.types[root].fields}
    return {n for n, lowest in needs.items() if lowest and scale.index(role) >= scale.index(lowest)}


def test_roles_are_what_they_are_called():
    """The words of the roles, whatever else is added."""
    own = {'updateUser', 'createApiToken', 'revokeApiToken'}
    assert allowed('guest') == own
    assert allowed('customer_member') - own == {
        n for n in allowed('customer_member') if 'UserLevel' in n}
    assert all(n in ('updateUser',) or 'UserLevel' in n for n in allowed('marketplace_user'))
    assert all(n in ('authenticatedUser',) or 'userLevel' in n
               for n in allowed('marketplace_user', 'Query'))
    everything = set(SCHEMA.types['Mutation'].fields)
    assert allowed('owner') == {n for n in everything if SCHEMA.role('Mutation', n)['org']}
    assert allowed('owner') - allowed('admin') == everything & {'updateOrganization',
                                                                'deleteOrganization'}
    assert not {n for n in allowed('integrator') if 'Organization' in n}
    for n in ('createCustomer', 'deleteCustomer', 'importIntegration', 'publishIntegration'):
        assert n in allowed('restricted_integrator')
        assert n not in allowed('customer_admin')


def test_logs_and_step_results_need_an_integrator():
    for type_name, made in SCHEMA.types.items():
        for name, field in made.fields.items() if made.kind == 'type' else ():
            shown = field.type.startswith(('Log', 'InstanceStepResult')) and not type_name.startswith(
                ('Log', 'InstanceStepResult'))
            if shown and field.type not in ('LogSeverityLevel',):
                lowest = SCHEMA.role(type_name, name)['org']
                assert ORGANIZATION_ROLES.index(lowest) >= ORGANIZATION_ROLES.index('integrator'), (
                    type_name, name)


def test_nothing_is_left_out(operations):
    assert {n for r, n in operations if r == 'Query'} == set(QUERIES)
    assert {n for r, n in operations if r == 'Mutation'} == set(MUTATIONS)


def test_there_is_one_of_everything(worlds):
    assert not worlds.lacking, (
        'no object of these types could be made in both organizations: say how in '
        'harness/worlds.py')


# ---- what the server does ----

def missing(type_name):
    return global_id(type_name, uuid.uuid4())


def ids_with(own, operation, path, gid):
    """Own ids everywhere but at a path, through the paths' types."""
    def find(type_name):
        return own(type_name, operation.name)
    arguments = operation.arguments(find, [path])
    at = arguments
    for name in path[:-1]:
        at = at[name][0] if isinstance(at[name], list) else at[name]
    at[path[-1]] = [gid] if isinstance(at[path[-1]], list) else gid
    return arguments


def own_arguments(own, operation):
    assert not operation.unknown, operation.unknown
    return operation.arguments(lambda t: own(t, operation.name) or missing(t))


@pytest.mark.parametrize('name', QUERIES)
def test_query(worlds, operations, ask, name):
    operation = operations['Query', name]
    for person in worlds.people:
        may = lambda t, f, who=person: SCHEMA.allows(who, t, f)  # noqa: E731
        own = worlds.own(person)
        selection = worlds.calls.selection(operation.type, may, 1)
        arguments = own_arguments(own, operation)
        answer, forbidden, text = ask(person, operation.document(selection), arguments)
        assert forbidden != may('Query', name), (person.role, answer)
        if forbidden:
            assert not answer.get('data'), person.role
            continue
        assert not answer.get('errors'), (person.role, answer['errors'])
        for mark in worlds.marks_hidden_from(person):
            assert mark not in text, (person.role, mark)
        document = operation.document(worlds.calls.selection(operation.type, may, 0))
        for path, type_name in operation.ids.items():
            nothing = ask(person, document, ids_with(own, operation, path, missing(type_name)))[0]
            for whose, gid in worlds.hidden(person, type_name):
                found = ask(person, document, ids_with(own, operation, path, gid))[0]
                assert found == nothing, (person.role, whose, path)
            if path in operation.required_ids:
                assert nothing['data'] != answer['data'], (person.role, path)


def plain(answer, operation):
    """The answer without the id of what was made."""
    made = operation.payload_object
    payload = (answer.get('data') or {}).get(operation.name)
    if payload and made and payload.get(made[0]):
        payload[made[0]] = 'something'
    return answer


@pytest.mark.parametrize('name', MUTATIONS)
def test_mutation(worlds, operations, ask, name):
    operation = operations['Mutation', name]
    made = operation.payload_object
    errors = 'errors { field messages }'
    document = operation.document('{ %s %s { __typename } }' % (errors, made[0]) if made
                                  else '{ %s }' % errors)

    def call(person, arguments):
        answer, forbidden, text = ask(person, document, arguments)
        payload = (answer.get('data') or {}).get(name)
        if payload and not payload['errors']:
            worlds.snapshot.go_back(worlds.organization)
        for mark in worlds.marks_hidden_from(person):
            assert mark not in text, (person.role, mark)
        return plain(answer, operation), forbidden

    for person in worlds.people:
        own = worlds.own(person)
        may = SCHEMA.allows(person, 'Mutation', name)
        answer, forbidden = call(person, own_arguments(own, operation))
        assert forbidden != may, (person.role, answer)
        if not may:
            continue
        assert not answer.get('errors'), (person.role, answer)
        for path, type_name in operation.ids.items():
            if not SCHEMA.table(type_name):
                continue
            nothing, _ = call(person, ids_with(own, operation, path, missing(type_name)))
            for whose, gid in worlds.hidden(person, type_name):
                found, _ = call(person, ids_with(own, operation, path, gid))
                assert found == nothing, (person.role, whose, path)
            if path in operation.required_ids and own(type_name):
                assert nothing != answer, (person.role, path, answer)


@pytest.mark.parametrize('type_name, field', FIELDS, ids=lambda v: v)
def test_field(worlds, ask, type_name, field):
    """Fields with a role of their own, reached from the operation that is nearest."""
    if type_name.endswith(('Payload', 'Result')) and not SCHEMA.table(type_name):
        return  # of mutations
    tried = False
    for person in worlds.people:
        may = lambda t, f, who=person: SCHEMA.allows(who, t, f)  # noqa: E731
        found = worlds.calls.path_to(type_name, may)
        if not found:
            continue
        operation, path = found
        tried = True
        types = worlds.calls.types[type_name]['fields']
        of = next(f for f in types if f['name'] == field)
        inner = of['type']
        while inner['kind'] in ('NON_NULL', 'LIST'):
            inner = inner['ofType']
        leaf = '' if inner['kind'] in ('SCALAR', 'ENUM') else '{ __typename }'
        selection = '%s%s' % (field, leaf)
        for step in reversed(path):
            selection = '%s { %s }' % (step, selection)
        answer, forbidden, _ = ask(person, operation.document('{ %s }' % selection),
                                   own_arguments(worlds.own(person), operation))
        assert forbidden != may(type_name, field), (person.role, selection, answer)
    assert tried, 'nothing leads to %s' % type_name


# ---- row-level security, whatever the statements say ----

# Of the organization, or of everybody: not split by customer.
SHARED = {'component', 'organization'}


@pytest.fixture(scope='module')
def tables(stack):
    """table -> (columns, privileges of the API's role)."""
    rows = stack.sql('''SELECT c.relname, array(SELECT attname::text FROM pg_attribute
            WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
        array(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p
            WHERE has_table_privilege('leat_api', c.oid, p)
               OR (p NOT IN ('DELETE', 'TRUNCATE') AND has_any_column_privilege('leat_api', c.oid, p)))
        FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
            AND c.relnamespace = 'public'::regnamespace''')
    return {name: (columns, set(privileges)) for name, columns, privileges in rows}


def test_every_table_is_behind_row_level_security(stack, tables):
    secured = dict(stack.sql("SELECT relname, relrowsecurity FROM pg_class WHERE relnamespace = "
                             "'public'::regnamespace"))
    policies = {}
    for table, permissive, command, using in stack.sql(
            "SELECT tablename, permissive = 'PERMISSIVE', cmd, qual FROM pg_policies "
            "WHERE 'leat_api' = ANY (roles)"):
        policies.setdefault(table, []).append((permissive, command, using))
    assert {'instance', 'execution', 'app_user'} <= set(tables)
    for table, (columns, privileges) in tables.items():
        if not privileges:
            continue  # partitions, what only the server needs
        if privileges == {'SELECT'} and not [c for c in columns if c.endswith('_id')]:
            continue  # everybody's, nobody's to change
        assert secured[table], '%s is open to leat_api without row-level security' % table
        assert 'TRUNCATE' not in privileges, table
        tenant = [p for p in policies[table] if p[0]]
        assert tenant and all(p[1] == 'ALL' and 'leat_organization()' in p[2] for p in tenant), table
        assert 'organization_id' in columns or table in SHARED, table
        assert table in SHARED or any(not p[0] and 'leat_customer()' in p[2]
                                      for p in policies[table]), (
            '%s has no policy for users of customers' % table)


def acting(stack, organization, customer=None):
    """A connection as the API's."""
    db = stack.postgres.connect(stack.database)
    db.execute("SELECT set_config('leat.organization', %s, false), set_config('leat.customer', %s, "
               "false)", [plain_id(organization), plain_id(customer) if customer else ''])
    db.execute('SET ROLE leat_api')
    return db


def readable(tables):
    return sorted(t for t, (columns, privileges) in tables.items()
                  if 'SELECT' in privileges and 'organization_id' in columns)


def test_rows_of_others_are_invisible(worlds, tables, stack):
    foreign = plain_id(worlds.foreign.organization)
    own_id, filled = plain_id(worlds.organization), 0
    with acting(stack, worlds.organization) as db, \
            stack.postgres.connect(stack.database) as everything:
        for table in readable(tables):
            there = everything.execute('SELECT count(*) FROM %s WHERE organization_id = %%s' %
                                       table, [foreign]).fetchone()[0]
            seen = db.execute('SELECT count(*), count(*) FILTER (WHERE organization_id = %%s) '
                              'FROM %s' % table, [foreign]).fetchone()
            assert seen[1] == 0, table
            own = everything.execute(
                'SELECT count(*) FROM %s WHERE organization_id = %%s OR (%%s AND organization_id '
                'IS NULL)' % table, [own_id, table in SHARED]).fetchone()[0]
            assert seen[0] == own, table
            filled += there > 0
    assert filled > 8, 'the foreign organization has rows to be hidden'


def test_nothing_is_visible_to_nobody(stack, tables):
    with stack.postgres.connect(stack.database) as db:
        db.execute('SET ROLE leat_api')
        for table in readable(tables):
            where = ' WHERE organization_id IS NOT NULL' if table in SHARED else ''
            assert db.execute('SELECT count(*) FROM %s%s' % (table, where)).fetchone() == (0,), table


def test_rows_of_other_customers_are_invisible(worlds, tables, stack):
    """Whatever names the other customer, its instances or executions."""
    hidden = [i for t in ('Customer', 'Instance', 'InstanceFlowConfig', 'InstanceExecutionResult')
              for i in worlds.ids.rows(t, worlds.organization, worlds.other.customer)]
    assert len(hidden) >= 4
    patterns = ['%%%s%%' % i for i in hidden] + ['%zzother%']
    with acting(stack, worlds.organization, worlds.mine.customer) as db:
        seen = 0
        for table in readable(tables):
            text = 'SELECT count(*) FROM %s t' % table
            assert db.execute(text + ' WHERE t::text LIKE ANY (%s)', [patterns]).fetchone() == (
                0,), table
            seen += db.execute(text).fetchone()[0]
        assert seen > 10


def test_rows_cannot_be_given_away(worlds, tables, stack):
    """Neither moved to another organization, nor changed or deleted there."""
    foreign = plain_id(worlds.foreign.organization)
    tried = 0
    for table, (columns, privileges) in sorted(tables.items()):
        if 'organization_id' not in columns or not privileges & {'UPDATE', 'DELETE'}:
            continue
        with acting(stack, worlds.organization) as db:
            own = db.execute('SELECT count(*) FROM %s WHERE organization_id IS NOT NULL' %
                             table).fetchone()[0]
            if own and 'UPDATE' in privileges:
                with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
                    db.execute('UPDATE %s SET organization_id = %%s WHERE organization_id IS NOT '
                               'NULL' % table, [foreign])
                tried += 1
            if 'DELETE' in privileges:
                with db.transaction(force_rollback=True):
                    gone = db.execute('DELETE FROM %s WHERE organization_id = %%s' % table,
                                      [foreign]).rowcount
                assert gone == 0, table
    assert tried > 8


def test_nothing_of_others_has_changed(worlds):
    """Runs last: whatever was asked for, the other organization is as before."""
    assert worlds.snapshot.changed(worlds.foreign.organization) == []
