/**
 * A WebSocket that sends back what it gets: `deno run -A bench/echo_server.ts PORT`.
 *
 * @module
 */

// @ts-types="@types/ws"
import { type WebSocket, WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(Deno.args[0]), perMessageDeflate: false });
server.on("connection", (socket: WebSocket) => {
  socket.on("message", (data: Uint8Array) => socket.send(data, { binary: false }));
});
