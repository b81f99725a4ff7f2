"""Users of every role, and API clients that act for them."""
import base64
import hashlib
import secrets
import uuid

from harness.api import Api

ORGANIZATION_ROLES = ['guest', 'restricted_integrator', 'integrator', 'admin', 'owner']
CUSTOMER_ROLES = ['marketplace_user', 'customer_member', 'marketplace_admin', 'customer_admin']


def global_id(kind, value):
    return base64.b64encode(('%s:%s' % (kind, value)).encode()).decode()


def plain_id(gid):
    return base64.b64decode(gid).decode().split(':', 1)[1]


class Person:
    """A user made behind the API's back, and a client with a token of it."""

    def __init__(self, stack, organization, role, customer=None, email=None):
        """organization, customer: global ids."""
        user, token = uuid.uuid4(), 'leat_' + secrets.token_urlsafe(32)
        self.role = role
        self.of_customer = customer is not None
        self.email = email or '%s-%s@example.com' % (role, secrets.token_hex(6))
        self.id = global_id('User', user)
        stack.sql('''WITH made AS (
                INSERT INTO app_user (id, organization_id, customer_id, email, name, role)
                VALUES (%s, %s, %s, %s, %s, %s) RETURNING id, organization_id)
            INSERT INTO api_token (id, organization_id, user_id, token_hash)
            SELECT %s, organization_id, id, %s FROM made''', user, plain_id(organization),
                  customer and plain_id(customer), self.email, 'The ' + role, role, uuid.uuid4(),
                  hashlib.sha256(token.encode()).digest())
        self.api = Api(stack.url, token)

    @property
    def level(self):
        return (CUSTOMER_ROLES if self.of_customer else ORGANIZATION_ROLES).index(self.role)


def organization_of(api):
    return api.ask('{ organization { id } }')['organization']['id']
