// An authorization server for the end-to-end tests: oidc-provider with two clients. It speaks at
// /, and tells at /seen what it was asked for tokens. /set changes how long tokens live.
import http from 'node:http';
import Provider from 'oidc-provider';

const [port, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const life = { access: 3600, refresh: 3600 };
const seen = [];

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'app',
      client_secret: 'app-secret',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'client_secret_post',
    },
    {
      client_id: 'machine',
      client_secret: 'machine-secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    },
  ],
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: true } },
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  pkce: { methods: ['S256', 'plain'], required: () => true },
  scopes: ['openid', 'offline_access', 'read'],
  cookies: { keys: ['of the tests'] },
  ttl: {
    AccessToken: () => life.access,
    ClientCredentials: () => life.access,
    RefreshToken: () => life.refresh,
  },
});

function record(ctx, error) {
  const body = ctx.oidc?.body ?? {};
  seen.push({
    grant: body.grant_type, client: body.client_id, at: Date.now(), verifier: body.code_verifier,
    access_token: error ? null : ctx.body.access_token,
    error: error ? error.error : null,
  });
}
provider.on('grant.success', (ctx) => record(ctx, null));
provider.on('grant.error', (ctx, error) => record(ctx, error));

const handle = provider.callback();
http.createServer((request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname === '/seen') {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(seen));
  } else if (url.pathname === '/set') {
    for (const [name, value] of url.searchParams) {
      life[name] = Number(value);
    }
    response.end('{}');
  } else {
    handle(request, response);
  }
}).listen(Number(port), '127.0.0.1');
