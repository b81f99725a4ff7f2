"""One SQL statement a query, whatever it asks: counted in PostgreSQL's own log."""
import itertools
import re

import pytest

from harness import flows as f
from harness.calls import Calls, named
from harness.schema import Schema
from harness.wait import wait_until

# What every request asks before and beside its statement, by name: once, whatever is asked.
FIXED = {'api_token_lookup', 'session_act_for', 'api_time_limit', 'org_data_key'}
LINE = re.compile(r'^(\S*)@([^|]*)\|LOG:  duration: [0-9.]+ ms  execute (\S+): ?(.*)')


class Statements:
    """What the API's connections execute."""

    def __init__(self, stack):
        self.stack = stack
        self.numbers = itertools.count(1)
        self._set(log_min_duration_statement='0', log_line_prefix='%d@%a|')

    def _set(self, **settings):
        with self.stack.postgres.connect() as db:
            for name, value in settings.items():
                db.execute("ALTER SYSTEM SET %s = '%s'" % (name, value) if value is not None
                           else 'ALTER SYSTEM RESET %s' % name)
            db.execute('SELECT pg_reload_conf()')

    def close(self):
        self._set(log_min_duration_statement=None, log_line_prefix=None)

    def _mark(self):
        """A place in the log; what was sent before is before it."""
        mark = 'mark %d' % next(self.numbers)
        self.stack.sql("SELECT '%s'" % mark)
        with open(self.stack.postgres.process.log_path, errors='replace') as log:
            return wait_until(lambda: self._after(log, mark), 10, 'the log has the mark')

    @staticmethod
    def _after(log, mark):
        log.seek(0)
        text = log.read()
        at = text.rfind(mark)
        return at + len(mark) if at >= 0 else None

    def of(self, act):
        """(texts of statements that were made for a query, names of the prepared ones)."""
        first = self._mark()
        act()
        last = self._mark()
        with open(self.stack.postgres.process.log_path, errors='replace') as log:
            lines = [LINE.match(line) for line in log.read()[first:last].splitlines()]
        mine = [m for m in lines if m and m[1] == self.stack.database and m[2] == 'leat-api']
        return ([m[4] for m in mine if m[3] == '<unnamed>'],
                [m[3] for m in mine if m[3] != '<unnamed>'])


@pytest.fixture(scope='module')
def statements(stack, tenant):
    deployed = tenant.deploy(f.integration('Counted', f.flow('Main', f.trigger(), f.log('Say', 'x')),
                                           config_vars=[f.string_var('Shop', 'Corner')]))
    for n in range(3):
        deployed.run({'n': n})
        tenant.deploy_instance(tenant.instance(deployed.integration, 'Customer %d' % n))
    made = Statements(stack)
    made.of(lambda: tenant.api.ask('{ organization { name } }')) # logging is on
    yield made
    made.close()


def lists(tenant):
    """A query of every list at the root of the schema, with all fields to a depth."""
    calls = Calls(tenant.api, Schema())
    for operation in calls.operations('Query'):
        kind = named(operation.field['type'])['name']
        needs = [a for a in operation.field['args']
                 if a['type']['kind'] == 'NON_NULL' and a['defaultValue'] is None]
        if kind.endswith('Connection') and not needs:
            chosen = calls.selection(kind, lambda *_: True, 2)
            page = '(first: 20)' if any(a['name'] == 'first' for a in operation.field['args']) else ''
            yield operation.name, '{ %s%s %s }' % (operation.name, page, chosen)


def test_every_list_is_one_statement(tenant, statements):
    asked = list(lists(tenant))
    assert {'instances', 'integrations', 'executionResults', 'logs', 'customers', 'users',
            'components'} <= {name for name, _ in asked}
    for name, query in asked:
        texts, prepared = statements.of(lambda: tenant.api.ask(query))
        assert len(texts) == 1, '%s: %d statements' % (name, len(texts))
        assert set(prepared) <= FIXED, '%s: %s' % (name, prepared)
        assert len(prepared) == len(set(prepared)), '%s: %s' % (name, prepared)


def test_objects_and_several_lists_at_once(tenant, statements):
    query = '''{ a: instances { totalCount nodes { name customer { name instances { nodes { id } } }
        integration { name versionNumber } lastExecution { status } inFailedState } }
      b: executionResults(first: 2) { nodes { id flow { name } } } organization { name } }'''
    texts, prepared = statements.of(lambda: tenant.api.ask(query))
    assert len(texts) == 1 and set(prepared) <= FIXED, (len(texts), prepared)
