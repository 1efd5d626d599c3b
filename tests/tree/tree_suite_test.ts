import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { treeSuite } from "./tree_suite.ts";
import { shellService } from "./tree_scene.ts";

treeSuite("The directory of a service", {
  async prepare(scene) {
    const { node_id } = await scene.join([{
      ...{ service_id: "camera", kind: "camera", state: "online", endpoints: ["/nodes/node-1/camera"] },
      ...{ capabilities: { still: true }, help_md: "# Camera\n" },
    }]);
    return `/nodes/${node_id}/services/camera`;
  },
  isComplete: true,
  entries: [
    { path: "README.md", content: "# Camera\n" },
    { path: "CAPS.json", content: '{"still":true}' },
    { path: "SCHEMA.json", content: "{}" },
    { path: "MOUNTS.json", content: "[]" },
    { path: "OPS.json", content: "{}" },
    { path: "RUNTIME.json", content: "{}" },
    { path: "PERMISSIONS.json", content: "{}" },
    {
      path: "STATUS.json",
      content: JSON.stringify({
        ...{ service_id: "camera", kind: "camera", state: "online", endpoint: "/nodes/node-1/camera" },
        ...{ has_invoke: false, invoke_path: "/nodes/node-1/camera/control/invoke.json" },
        root_path: "/nodes/node-1/camera",
      }),
    },
  ],
});

treeSuite("The directories of all nodes", {
  async prepare(scene) {
    await scene.join([{ service_id: "a", kind: "tool", state: "online", endpoints: ["/nodes/node-1/tool/main"] }]);
    await scene.join();
    return "/nodes";
  },
  isComplete: false,
  entries: [
    ...["README.md", "SCHEMA.json", "CAPS.json"].map((path) => ({
      path,
      content: {
        "README.md": "# Nodes\n\nThe nodes that you see, by id.\n",
        "SCHEMA.json": '{"kind":"collection","children":"nodes"}',
        "CAPS.json": '{"read":true,"write":false}',
      }[path] ?? "",
    })),
    { path: "node-1" },
    { path: "node-2" },
  ],
});

treeSuite("An exported folder through its tunnel", {
  async prepare(scene) {
    const node = await scene.startNode("edge");
    await mkdir(join(node.work, "docs", "deep"), { recursive: true });
    await writeFile(join(node.work, "a.txt"), "hello");
    await writeFile(join(node.work, "empty"), "");
    await writeFile(join(node.work, "docs", "ü & co.txt"), "Grüße\n");
    await writeFile(join(node.work, "docs", "deep", "large"), "0123456789".repeat(200_000));
    return `/nodes/${node.node_id}/fs/work`;
  },
  isComplete: true,
  entries: [
    { path: "a.txt", content: "hello" },
    { path: "empty", content: "" },
    { path: "docs" },
    { path: "docs/ü & co.txt", content: "Grüße\n" },
    { path: "docs/deep" },
    { path: "docs/deep/large", content: "0123456789".repeat(200_000) },
  ],
});

treeSuite("The files of a service through its tunnel", {
  async prepare(scene) {
    const node = await scene.startNode("edge", [shellService("echo", "cat", { help_md: "Echoes." })]);
    return `/nodes/${node.node_id}/echo`;
  },
  isComplete: false,
  entries: [
    { path: "README.md", content: "Echoes." },
    { path: "result.json", content: '{"state":"idle"}' },
    { path: "last_error.txt", content: "" },
    { path: "control" },
    { path: "control/invoke.json", content: "", writes: '{"a":1}' },
    { path: "config.json", content: "{}", writes: '{"supervision":{"cooldown_ms":5}}' },
    { path: "calls" },
  ],
});
