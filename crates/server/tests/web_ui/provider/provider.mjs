// An OpenID Connect provider for one test: prints its port, reads the client's `redirect_uri` from a line, and serves. Any
// name and password are accepted; the name is the subject and the `preferred_username`.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const server = createServer((request, response) => handle(request, response));
let handle = (_, response) => response.writeHead(503).end();

server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));

const lines = createInterface({ input: process.stdin });
lines.once("line", (line) => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "chinwag", client_secret: "a secret: with & signs", redirect_uris: [line] }],
    claims: { openid: ["sub"], profile: ["preferred_username"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id }) }),
    pkce: { required: () => true },
    cookies: { keys: ["a key for tests alone"] },
  });
  handle = provider.callback();
  console.log("ready");
});
lines.on("close", () => process.exit(0));
