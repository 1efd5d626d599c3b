import { CONTROL_PROTOCOL, FS_PROTO, FS_PROTOCOL, kindOf, RUNTIME_PROTOCOL } from "../../protocol/envelope.ts";
import { ZssError } from "../../protocol/errors.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Agrees on the protocol; the first operation of every connection. A refusal closes the connection. */
export const version = operation({
  name: "version",
  access: "anyone",
  request: requests.version,
  handle({ session }, { protocol }) {
    if (protocol !== CONTROL_PROTOCOL) {
      const found = protocol === undefined
        ? "MissingField"
        : `ProtocolMismatch, ${kindOf(protocol)} "${protocol}" found`;
      throw new ZssError("protocol_mismatch", `Cannot agree on a protocol: ${found}`, {
        path: "/protocol",
        hint: `this server speaks "${CONTROL_PROTOCOL}"`,
      });
    }
    session.negotiated();
    return {
      protocol: CONTROL_PROTOCOL,
      fsrpc_runtime: RUNTIME_PROTOCOL,
      fsrpc_node: FS_PROTOCOL,
      fsrpc_node_proto: FS_PROTO,
    };
  },
});
