/**
 * The control plane as a program.
 *
 * @module
 */

export { DEFAULT_PORT, type ServerConfig } from "./config.ts";
export { type RunningServer, type ServerParts, startServer, systemRandom } from "./serve.ts";
