import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:https";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import { HAS_OPENSSL, makeCertificate, textOf } from "../../tests/certificates.ts";
import { ZssError } from "../protocol/errors.ts";
import { openRuntimeSocket } from "./runtime_socket.ts";

/** An echo that speaks TLS, on a port of its own. */
class Echo implements AsyncDisposable {
  readonly url: URL;
  readonly ca: string;
  readonly #end: () => Promise<void>;

  private constructor(url: URL, ca: string, end: () => Promise<void>) {
    this.url = url;
    this.ca = ca;
    this.#end = end;
  }

  static async open(): Promise<Echo> {
    const folder = await mkdtemp(join(tmpdir(), "zss-socket-"));
    const { cert, key, ca } = await makeCertificate(folder, "echo");
    const server = createServer({ cert: await textOf(cert), key: await textOf(key), ALPNProtocols: ["http/1.1"] });
    server.on("tlsClientError", () => {});
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (ws, { headers }) => {
      ws.send(String(headers.authorization));
      ws.on("message", (data) => ws.send(String(data)));
      ws.on("close", () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return new Echo(new URL(`wss://127.0.0.1:${port}/`), await textOf(ca), async () => {
      sockets.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await rm(folder, { recursive: true });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

const options = (name: string) => ({ name, ignore: !HAS_OPENSSL });

Deno.test(
  options("openRuntimeSocket() carries text in order, early frames included, and says how it ended"),
  async () => {
    await using echo = await Echo.open();
    const socket = await openRuntimeSocket(echo.url, { url: echo.url.href, token: "t", ca: echo.ca }, 10_000);
    const heard: string[] = [];
    const both = Promise.withResolvers<void>();
    socket.send("hello");
    socket.onText((text) => {
      heard.push(text);
      if (heard.length === 2) both.resolve();
    });
    await both.promise;
    assert.deepEqual(heard, ["Bearer t", "hello"]);
    const ended = new Promise<string>((resolve) => socket.onClose(resolve));
    socket.close();
    assert.match(await ended, /1000/);
  },
);

Deno.test(options("openRuntimeSocket() does not trust a certificate that nobody vouches for"), async () => {
  await using echo = await Echo.open();
  const opening = openRuntimeSocket(echo.url, { url: echo.url.href }, 10_000);
  await assert.rejects(opening, (error) => error instanceof ZssError && error.code === "tls_failed");
});
