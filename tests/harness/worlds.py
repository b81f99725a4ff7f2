"""Tenants that must not see each other, with one of everything in each, and what may be seen of it.

Two organizations; ours has two customers. Every text of a world carries its mark, so that a leak
shows whatever field it comes through. What operations need and nobody made here is made by its own
create mutation."""
import uuid

from harness import flows as f
from harness.api import Tenant
from harness.people import (CUSTOMER_ROLES, ORGANIZATION_ROLES, Person, global_id, organization_of,
                            plain_id)
from harness.sender import send

# Which row of a table stands for a type; the first by id without a word here.
PICK = {
    'Instance': 'NOT is_system',
    'InstanceFlowConfig': 'instance_id IN (SELECT id FROM instance WHERE NOT is_system)',
    'User': "email LIKE 'target-%'",
    'Component': 'organization_id IS NOT NULL',
}
VENDOR_MARK = 'zzvendor'  # what customers must not see


def role_id(operation):
    return global_id('Role', 'customer_member' if 'Customer' in operation else 'guest')


class World:
    """What one customer of one organization has."""

    def __init__(self, tenant, mark):
        self.tenant, self.stack, self.mark = tenant, tenant.stack, mark
        self.organization = organization_of(tenant.api)
        self.customer = tenant.customer('Customer ' + mark)
        self._deploy()
        Person(self.stack, self.organization, 'customer_member', self.customer,
               'target-%s@example.com' % mark)

    def _deploy(self):
        tenant = self.tenant
        if not hasattr(tenant, 'shared'):
            tenant.shared = tenant.publish(f.integration(
                'Shared ' + self.mark,
                f.flow('Main', f.trigger(), f.log('Say', f.ref('start.results.body.data.mark'))),
                f.flow('Inside', f.trigger(), f.log('Never', VENDOR_MARK)),
                config_vars=[f.string_var('Endpoint', 'https://example.com'),
                             f.string_var('Internal', VENDOR_MARK, orgOnly=True)],
                documentation=VENDOR_MARK))
            Person(self.stack, self.organization, 'guest', None,
                   'target-org-%s@example.com' % self.mark)
            self.stack.sql(
                "INSERT INTO component (id, organization_id, key, version, label, is_public, "
                "metadata) VALUES (%s, %s, %s, 1, %s, false, '{\"actions\": [], \"connections\": "
                "[{\"key\": \"key\"}]}')", uuid.uuid4(), plain_id(self.organization),
                'own-' + self.mark, 'Own ' + self.mark)
        self.stack.sql(
            "INSERT INTO component (id, organization_id, customer_id, key, version, label, "
            "is_public, metadata) VALUES (%s, %s, %s, %s, 1, %s, false, '{\"actions\": []}')",
            uuid.uuid4(), plain_id(self.organization), plain_id(self.customer),
            'customer-' + self.mark, 'Customer ' + self.mark)
        tenant.import_(f.integration('Own ' + self.mark, f.flow('Main', f.trigger())),
                       customer=self.customer)
        instance = tenant.instance(tenant.shared, 'Customer ' + self.mark, 'Instance ' + self.mark,
                                   {'Endpoint': 'https://%s.example.com' % self.mark})
        tenant.deploy_instance(instance)
        got = tenant.api.ask('query($id: ID!) { instance(id: $id) { flowConfigs { nodes { id '
                             'webhookUrl flow { name } } } } }', id=instance)
        url = next(n['webhookUrl'] for n in got['instance']['flowConfigs']['nodes']
                   if n['flow']['name'] == 'Main')
        tenant.finished(send(url, {'mark': self.mark}).execution_id)


class Ids:
    """Ids of the objects that somebody sees, or that are there but must not be seen."""

    def __init__(self, stack, schema):
        self.schema = schema
        self.db = stack.postgres.connect(stack.database)
        self.known = {}

    def rows(self, type_name, organization, customer):
        """The ids that row-level security shows, the best first."""
        key = (type_name, organization, customer)
        table = self.schema.table(type_name)
        if not self.known.get(key) and table:
            where = PICK.get(type_name, 'true')
            with self.db.transaction():
                self.db.execute("SELECT set_config('leat.organization', %s, true), "
                                "set_config('leat.customer', %s, true)",
                                [plain_id(organization), plain_id(customer) if customer else ''])
                self.db.execute('SET LOCAL ROLE leat_api')
                self.known[key] = [r[0] for r in self.db.execute(
                    'SELECT id FROM %s WHERE %s ORDER BY id' % (table, where))]
        return self.known.get(key) or []

    def connection(self, organization):
        """Of the organization's own component; it has no row."""
        made = self.db.execute("SELECT md5(id::text || 'key')::uuid FROM component WHERE key LIKE 'own-%%' "
                               "AND organization_id = %s", [plain_id(organization)]).fetchone()
        return global_id('Connection', made[0])

    def own(self, organization, customer):
        def find(type_name, operation=''):
            if type_name == 'Role':
                return role_id(operation)
            if type_name == 'Connection':
                return self.connection(organization)
            found = self.rows(type_name, organization, customer)
            return global_id(type_name, found[0]) if found else None
        return find

    def hidden(self, type_name, of, organization, customer):
        """An id that is visible of a world, but not to who asks."""
        seen = set(self.rows(type_name, organization, customer))
        of_customer = self.rows(type_name, of.organization, of.customer)
        of_all = [] if of.organization == organization else self.rows(type_name, of.organization,
                                                                      None)
        left = [i for i in of_customer + of_all if i not in seen]
        return global_id(type_name, left[0]) if left else None


class Snapshot:
    """The rows of organizations as they are now, to compare with and to go back to."""

    def __init__(self, stack):
        self.db = stack.postgres.connect(stack.database)
        self.tables = [r[0] for r in self.db.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = "
            "'public'::regnamespace AND a.attname = 'organization_id' ORDER BY c.relname")]
        statements = ['CREATE SCHEMA kept']
        back = []
        for table, key in [(t, 'organization_id') for t in self.tables] + [('organization', 'id')]:
            statements.append('CREATE TABLE kept.%s AS SELECT * FROM %s' % (table, table))
            columns = ', '.join('"%s"' % r[0] for r in self.db.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                "AND NOT attisdropped AND attgenerated = ''", [table]))
            back.append('DELETE FROM {0} WHERE {1} = org; INSERT INTO {0} ({2}) OVERRIDING SYSTEM '
                        'VALUE SELECT {2} FROM kept.{0} WHERE {1} = org;'.format(
                            table, key, columns))
        statements.append('CREATE FUNCTION kept.back(org uuid) RETURNS void LANGUAGE plpgsql SET '
                          'session_replication_role = replica AS $$ BEGIN %s END $$' % '\n'.join(back))
        for statement in statements:
            self.db.execute(statement)

    def go_back(self, organization):
        self.db.execute('SELECT kept.back(%s)', [plain_id(organization)])

    def changed(self, organization):
        """The tables whose rows of the organization are other ones now."""
        now, before = ('SELECT x::text FROM %s x WHERE organization_id = %%(o)s' % t
                       for t in ('{0}', 'kept.{0}'))
        ask = 'SELECT EXISTS (({0} EXCEPT {1}) UNION ALL ({1} EXCEPT {0}))'.format(now, before)
        return [t for t in self.tables
                if self.db.execute(ask.format(t), {'o': plain_id(organization)}).fetchone()[0]]


class Worlds:
    def __init__(self, stack, schema, calls_of):
        """calls_of(api): the operations, once there is a client to ask for them."""
        ours = Tenant(stack, 'Ours zzours')
        self.stack, self.schema, self.tenant = stack, schema, ours
        self.mine = World(ours, 'zzmine')
        self.other = World(ours, 'zzother')
        self.foreign = World(Tenant(stack, 'Foreign zzforeign'), 'zzforeign')
        self.organization = self.mine.organization
        self.people = [Person(stack, self.organization, role) for role in ORGANIZATION_ROLES]
        self.people += [Person(stack, self.organization, role, self.mine.customer)
                        for role in CUSTOMER_ROLES]
        self.ids = Ids(stack, schema)
        self.calls = calls_of(ours.api)
        self._make_what_lacks()
        for worker in stack.workers:
            worker.stop()
        self.snapshot = Snapshot(stack)

    def own(self, person):
        return self.ids.own(self.organization, self.mine.customer if person.of_customer else None)

    def hidden(self, person, type_name):
        """[(whose, id)]: what is there and not for this person."""
        customer = self.mine.customer if person.of_customer else None
        worlds = [('foreign', self.foreign)] + ([('other', self.other)] if customer else [])
        made = [(name, self.ids.hidden(type_name, of, self.organization, customer))
                for name, of in worlds]
        return [(name, gid) for name, gid in made if gid]

    def marks_hidden_from(self, person):
        return ['zzforeign'] + (['zzother', VENDOR_MARK] if person.of_customer else [])

    def _make_what_lacks(self):
        """By their create mutations, in as many rounds as they need each other."""
        operations = self.calls.operations('Query') + self.calls.operations('Mutation')
        wanted = {t for o in operations for t in o.ids.values() if t and self.schema.table(t)}
        for _ in range(4):
            for world in (self.mine, self.other, self.foreign):
                for type_name in sorted(wanted):
                    if not self.ids.rows(type_name, world.organization, world.customer) and \
                            not self.ids.rows(type_name, world.organization, None):
                        self._make(type_name, world)
        split = {r[0] for r in self.stack.sql("SELECT table_name FROM information_schema.columns "
                                              "WHERE column_name = 'organization_id'")}
        self.lacking = sorted(t for t in wanted if self.schema.table(t) in split
                              and not (self.ids.own(self.organization, None)(t)
                                       and self.ids.hidden(t, self.foreign, self.organization,
                                                           None)))

    def _make(self, type_name, world):
        for operation in self.calls.operations('Mutation'):
            made = operation.payload_object
            if not made or made[1] != type_name or not operation.name.startswith(
                    ('create', 'publish', 'import', 'generate')):
                continue
            own = self.ids.own(world.organization, world.customer)

            def find(type_name, name=operation.name):
                return own(type_name, name)
            if any(not find(operation.ids[p]) for p in operation.required_ids):
                continue
            known = [p for p, t in operation.ids.items() if t and find(t)]
            for also in ([p for p in known if p[-1] in ('customer', 'customerId')], known):
                world.tenant.api.post({'query': operation.document('{ __typename }'),
                                       'variables': operation.arguments(find, also)})
                if self.ids.rows(type_name, world.organization, world.customer):
                    break
