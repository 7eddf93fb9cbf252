// An OpenID provider for tests: whoever names themselves is believed, and `ops-...` are of the group `ops`.
// Arguments: the folder of oidc-provider, the address that browsers are sent back to.
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { generateKeyPairSync } from 'node:crypto';

const [packages, redirect] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${packages}/oidc-provider/lib/index.js`));
const server = createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const key = (kid) => ({ ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' });
const client = (client_id) => ({
  client_id,
  client_secret: `secret-of-${client_id}`,
  redirect_uris: [redirect],
  token_endpoint_auth_method: 'client_secret_post',
  id_token_signed_response_alg: 'ES256',
});
const provider = new Provider(issuer, {
  clients: [client('gateway'), client('another')],
  jwks: { keys: [key('first')] },
  cookies: { keys: ['only for tests'] },
  conformIdTokenClaims: false,
  claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'] },
  features: { devInteractions: { enabled: true } },
  ttl: { Session: 600, Grant: 600, Interaction: 600, IdToken: 600, AccessToken: 600 },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, groups: id.startsWith('ops-') ? ['ops'] : [] }),
  }),
});
server.on('request', provider.callback());
console.log(`issuer ${issuer}`);
