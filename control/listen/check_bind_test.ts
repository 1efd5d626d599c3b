import assert from "node:assert/strict";
import { ZssError } from "../protocol/errors.ts";
import { checkBind } from "./check_bind.ts";

const tls = { cert: "zss.pem", key: "zss.key" };

Deno.test("checkBind() allows loopback always, and other addresses with TLS or when told to", () => {
  for (const bind of ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost", "::ffff:127.0.0.1"]) {
    checkBind({ bind });
  }
  for (const bind of ["0.0.0.0", "::", "10.0.0.5", "zss.example"]) {
    checkBind({ bind, tls });
    checkBind({ bind, insecureBind: true });
  }
});

Deno.test("checkBind() refuses plain text beyond this machine and says both ways out", () => {
  for (const bind of ["0.0.0.0", "::", "10.0.0.5", "zss.example", "localhost.example", "128.0.0.1"]) {
    assert.throws(() => checkBind({ bind }), (error) => {
      assert(error instanceof ZssError);
      assert.equal(error.code, "insecure_bind");
      assert.match(String(error.hint), /--tls-cert.*--insecure-bind/);
      return error.message.includes(`"${bind}"`);
    });
  }
});
