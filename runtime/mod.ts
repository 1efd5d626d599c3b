/**
 * The node runtime as a program.
 *
 * @module
 */

export { type ExportSpec, parseExport } from "./exports/parse_export.ts";
export { type NodeEvent, type NodeOptions, type NodeParts, runNode } from "./node.ts";
export { DEFAULT_STATE_FILE } from "./state/node_state.ts";
