"""What lists and shows: who asks, customers, components, executions."""


def test_me(prism):
    assert 'Email: owner@example.com' in prism('me')


def test_customers(prism):
    made = prism('customers:create', '--name', 'Harbour', '--externalId', 'harbour-1')
    row, = [r for r in prism.rows('customers:list') if r['id'] == made]
    assert (row['name'], row['externalId']) == ('Harbour', 'harbour-1')
    prism('customers:update', made, '--name', 'Harbour Ltd')
    assert [r['name'] for r in prism.rows('customers:list') if r['id'] == made] == ['Harbour Ltd']
    prism('customers:delete', made)
    assert not [r for r in prism.rows('customers:list') if r['id'] == made]


def test_components(prism):
    keys = [r['key'] for r in prism.rows('components:list', '--search', 'http')]
    assert 'http' in keys and 'aws-sqs' not in keys
