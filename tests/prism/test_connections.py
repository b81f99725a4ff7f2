"""Reusable connections of the organization."""
import uuid

from harness.people import global_id, organization_of, plain_id


def test_connections(prism, tenant):
    component = uuid.uuid4()
    tenant.stack.sql("INSERT INTO component (id, organization_id, key, version, label, is_public, "
                     "metadata) VALUES (%s, %s, 'acme', 1, 'Acme', false, "
                     "'{\"actions\": [], \"connections\": [{\"key\": \"key\"}]}')", component,
                     plain_id(organization_of(tenant.api)))
    connection, = tenant.stack.sql("SELECT md5(%s || 'key')::uuid", str(component))[0]
    for scope, managed_by in (('org', 'org'), ('customer', 'customer')):
        tenant.api.done('createScopedConfigVariable', 'scopedConfigVariable', 'id',
                        key='Of ' + managed_by, stableKey='of-' + managed_by, variableScope=scope,
                        managedBy=managed_by, description='Words',
                        connection=global_id('Connection', connection))
    rows = prism.rows('organization:connections:list')
    assert sorted(r['stableKey'] for r in rows) == ['of-customer', 'of-org']
    assert {r['component'] for r in rows} == {'acme'} and {r['customer'] for r in rows} == {'N/A'}
    row, = prism.rows('organization:connections:list', '--managed-by', 'org')
    assert (row['stableKey'], row['description']) == ('of-org', 'Words')
