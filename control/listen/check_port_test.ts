import assert from "node:assert/strict";
import { createServer } from "node:net";
import process from "node:process";
import { ZssError } from "../protocol/errors.ts";
import { checkPort } from "./check_port.ts";

Deno.test("checkPort() says that a port is taken, and by whom where that can be known", async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve(Number(Reflect.get(server.address() ?? {}, "port"))))
  );
  const place = { bind: "127.0.0.1", port, flag: "--metrics-port" };
  try {
    await assert.rejects(checkPort(place), (error) => {
      assert.ok(error instanceof ZssError);
      assert.equal(error.code, "port_in_use");
      if (Deno.build.os === "linux") {
        assert.match(error.message, new RegExp(`: process ${process.pid} \\(.+\\) has the`));
      }
      assert.match(error.hint ?? "", /--metrics-port/);
      return true;
    });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  await checkPort(place);
  await checkPort(place);
});

Deno.test("checkPort() says when there is no such address", async () => {
  await assert.rejects(checkPort({ bind: "192.0.2.1", port: 0, flag: "--port" }), { code: "listen_failed" });
});
