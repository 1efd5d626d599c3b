/**
 * The node runtime as a program.
 *
 * @module
 */

export { type ExportSpec, parseExport } from "./exports/parse_export.ts";
export { type LinkState, NodeMeters, type NodeNumbers } from "./metrics/node_meters.ts";
export { isLoopback } from "../control/listen/loopback.ts";
export { checkMetricsBind, type MetricsServer, openMetricsServer } from "./metrics/metrics_server.ts";
export { type CheckedNode, type CheckedThing, checkNode, type NodeCheck } from "./node_check.ts";
export { type NodeEvent, type NodeOptions, type NodeParts, runNode, type ServingOptions } from "./node.ts";
export { checkEndpoint, type EndpointOptions } from "./standalone/fs_endpoint.ts";
export { runStandaloneNode, type StandaloneOptions } from "./standalone_node.ts";
export { DEFAULT_STATE_FILE } from "./state/node_state.ts";
