// oidc-provider as a foreign issuer: client credentials, access tokens as JWT for our audience.
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

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  jwks: { keys: [key] },
  clients: [
    {
      client_id: given.clientId,
      client_secret: given.clientSecret,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: given.algorithm,
    },
  ],
  scopes: ["Mail.Send"],
  // As Entra's tokens: the application's object ID, its tenant and its roles.
  extraTokenClaims: () => ({ oid: given.objectId, tid: given.tenant, roles: given.roles }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: "Mail.Send",
        audience: given.audience,
        accessTokenTTL: given.lifetimeSeconds,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: given.algorithm } },
      }),
    },
  },
});
server.on("request", provider.callback());
console.log(JSON.stringify({ issuer }));
process.stdin.resume().on("end", () => process.exit(0));
