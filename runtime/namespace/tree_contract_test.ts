import { SyntheticTree } from "./synthetic_tree.ts";
import { treeContract } from "./tree_contract.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

treeContract("SyntheticTree", {
  open() {
    const tree = new SyntheticTree(
      {
        name: "svc-example",
        read_only: false,
        description: "example",
        source_kind: "namespace",
        source_id: "service:example",
      },
      { uid: 7, gid: 8 },
    );
    const root = tree.rootDirectory;
    tree.addFile(root, "README.md", bytesOf("write JSON to control/invoke.json ✓"));
    tree.addFile(root, "empty", new Uint8Array());
    const control = tree.addDirectory(root, "control", 0o755);
    const invoke = tree.addFile(control, "invoke.json", new Uint8Array(), {
      open: () => ({
        write(_offset, bytes) {
          tree.emit([tree.replace(invoke, bytes)]);
          return Promise.resolve({ n: bytes.length });
        },
        close() {},
      }),
      truncate() {
        tree.emit([tree.replace(invoke, new Uint8Array(), "all")]);
      },
    });
    tree.addDirectory(control, "calls", 0o555);
    return Promise.resolve({ tree, close: () => Promise.resolve() });
  },
  entries: [
    { path: "README.md", content: "write JSON to control/invoke.json ✓" },
    { path: "empty", content: "" },
    { path: "control" },
    { path: "control/invoke.json", content: "", writes: '{"a":1}' },
    { path: "control/calls" },
  ],
  absent: ["invoke.json", "readme.md"],
});
