/**
 * `/agents`: who works here, and what the agent of this session can call.
 *
 * @module
 */

import { withAbout } from "./about.ts";
import { directory, jsonFile, layered, textFile, type WorldDirectory } from "./entry.ts";
import { invokeTarget, visibleNodes, visibleServices } from "./node_directory.ts";
import { isInvokable } from "../policy/visibility.ts";
import type { WorldSource } from "./source.ts";

/** The agents that the server knows, and the one of the session as `self`. */
export function agentsDirectory(source: WorldSource): WorldDirectory {
  const others: WorldDirectory = {
    kind: "directory",
    find(id) {
      const agent = source.agents.get(id);
      if (agent === undefined) return undefined;
      const text = agent.description === "" ? "An agent of this server." : agent.description;
      return directory({
        "README.md": () => textFile(() => `# ${agent.id}\n\n${text}\n`),
        "LINK.txt": () => textFile(() => `/agents/${agent.id === source.viewer.agent_id ? "self" : agent.id}\n`),
      });
    },
    names: () => source.agents.keys(),
  };
  return layered(
    withAbout("Agents", "The agents of this server; self is the one of this session.", {
      self: () => directory({ services: () => selfServices(source) }),
    }),
    others,
  );
}

function selfServices(source: WorldSource): WorldDirectory {
  return withAbout("Services", "Every service that this agent sees, with the file that invokes it.", {
    "SERVICES.json": () => jsonFile(() => serviceIndex(source)),
  });
}

/** All visible services of all visible nodes. */
function serviceIndex(source: WorldSource): object[] {
  return visibleNodes(source).flatMap((nodeId) =>
    visibleServices(source, nodeId).map((service) => {
      const hasInvoke = isInvokable(service);
      return {
        node_id: nodeId,
        service_id: service.service_id,
        service_path: `/nodes/${nodeId}/services/${service.service_id}`,
        invoke_path: hasInvoke ? invokeTarget(nodeId, service) : null,
        has_invoke: hasInvoke,
        scope: "node",
      };
    })
  );
}
