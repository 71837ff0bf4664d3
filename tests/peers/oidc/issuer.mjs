// oidc-provider as a foreign issuer: client credentials, access tokens as JWT for our audience; and people who
// sign in by the authorization code, each by a click (interactions are answered with the login that is named).
// Settings come as JSON in argv; prints {"issuer": URL} when it listens, and runs until stdin ends.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const given = JSON.parse(process.argv[2]);
const kinds = {
  RS256: ["rsa", { modulusLength: 2048 }],
  PS256: ["rsa", { modulusLength: 2048 }],
  ES256: ["ec", { namedCurve: "P-256" }],
};
const { privateKey } = generateKeyPairSync(...kinds[given.algorithm]);
const key = {
  ...privateKey.export({ format: "jwk" }),
  alg: given.algorithm,
  use: "sig",
  kid: `foreign-${given.algorithm}`,
};
const people = given.people ?? {}; // claims by login
const programs = given.programs ?? {}; // roles by client

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const client = (id, more) => ({
  client_id: id,
  client_secret: given.clientSecret,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
  id_token_signed_response_alg: given.algorithm,
  ...more,
});

const provider = new Provider(issuer, {
  jwks: { keys: [key] },
  clients: [
    client(given.clientId),
    ...Object.keys(programs).map((id) => client(id)),
    ...(given.webClients ?? []).map((id) =>
      client(id, {
        grant_types: ["authorization_code"],
        response_types: ["code"],
        redirect_uris: given.redirectUris,
      }),
    ),
  ],
  scopes: ["Mail.Send", "openid", "profile"],
  claims: { openid: ["sub"], profile: ["preferred_username", "roles"] },
  conformIdTokenClaims: false, // as Entra: what `profile` gives is in the ID token
  findAccount: (_, id) =>
    people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  // Nobody is asked whether he consents.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
  interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
  // As Entra's tokens: the application's object ID, its tenant and its roles.
  extraTokenClaims: (_, token) => ({
    oid: given.objectId,
    tid: given.tenant,
    roles: programs[token.clientId] ?? given.roles,
  }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (_, resource) => ({
        scope: "Mail.Send",
        audience: (given.audiences ?? {})[resource] ?? given.audience,
        accessTokenTTL: given.lifetimeSeconds,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: given.algorithm } },
      }),
    },
  },
});
const answer = provider.callback();
server.on("request", async (request, response) => {
  const url = new URL(request.url, issuer);
  const login = url.searchParams.get("as");
  if (!url.pathname.startsWith("/login/") || !login) return answer(request, response);
  if (login === "nobody") {
    const result = { error: "access_denied", error_description: "the person has said no" };
    return provider.interactionFinished(request, response, result);
  }
  return provider.interactionFinished(request, response, { login: { accountId: login } });
});
console.log(JSON.stringify({ issuer }));
process.stdin.resume().on("end", () => process.exit(0));
