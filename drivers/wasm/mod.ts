/**
 * WebAssembly modules as drivers: what a helper does for one.
 *
 * @module
 */

export { serveModule } from "./module_server.ts";
