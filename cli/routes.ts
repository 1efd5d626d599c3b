/**
 * The tree of commands: what each is called and where it stands.
 *
 * Only the file of the command that is run gets loaded, so the start of one
 * command costs the same however many others there are. Adding a command is
 * adding a file that exports `command`, and a leaf here.
 *
 * @module
 */

import type { Command } from "@stricli/core";
import { globalsHelp } from "./globals.ts";
import type { CliContext } from "./io.ts";

/** A command that does something. */
export interface Leaf {
  /** What the list of commands says about it. */
  readonly brief: string;
  load(): Promise<Command<CliContext>>;
}

/** A word that further words follow. */
export interface Branch {
  readonly brief: string;
  /** Its help page. */
  readonly help: string;
  readonly routes: Readonly<Record<string, Leaf | Branch>>;
  /** What the word does without a further one; its help page is then that command's. */
  readonly alone?: Leaf;
}

/**
 * @param file Name in `commands/`, without the ending. Its address is computed:
 * for a literal one the runtime reads the modules of every command before the
 * first line runs, which takes as long as all the rest of a small command. The
 * compiler is told of the folder instead (scripts/compile.ts).
 */
function leaf(brief: string, file: string): Leaf {
  return {
    brief,
    async load() {
      const module: { readonly command: Command<CliContext> } = await import(
        new URL(`./commands/${file}.ts`, import.meta.url).href
      );
      return module.command;
    },
  };
}

const node: Branch = {
  brief: "run a node, or look at those that run",
  help: `Run a node, or look at those that run.

Where a node is wanted, its id or its name will do; a name only if no other node has it.

Examples:
  $ zss node run --control-url ws://127.0.0.1:18790 --invite-token inv-...
  $ zss node list
  $ zss node service-runtime workshop echo invoke '{"text":"hello"}'
  $ zss node watch

${globalsHelp}`,
  routes: {
    run: leaf("serve this machine's services", "node_run"),
    list: leaf("list the nodes", "node_list"),
    info: leaf("describe one node", "node_info"),
    watch: leaf("show catalog changes as they happen", "node_watch"),
    events: {
      brief: "look at past events",
      help: `Look at the events that a server holds.

Examples:
  $ zss node events list node-1
  $ zss node events diff 12 15
  $ zss node events export > events.ndjson`,
      routes: {
        list: leaf("list past events", "node_events_list"),
        diff: leaf("show what changed between two events of a node", "node_events_diff"),
        export: leaf("print past events as NDJSON", "node_events_export"),
      },
    },
    "service-get": leaf("show the catalog of a node", "node_service_get"),
    "service-runtime": leaf("operate a service of a node", "node_service_runtime"),
    terminal: leaf("open a shell on a node, or run one command", "node_terminal"),
    invite: leaf("make an invite for one node", "node_invite"),
    pending: leaf("list the nodes that ask to join", "node_pending"),
    approve: leaf("admit a node that asks to join", "node_approve"),
    deny: leaf("turn away a node that asks to join", "node_deny"),
    delete: leaf("delete a node and its catalog", "node_delete"),
    "join-request": leaf("ask to join without an invite, by hand", "node_join_request"),
    "service-upsert": leaf("publish a catalog by hand", "node_service_upsert"),
  },
};

const manifest: Branch = {
  brief: "work with service manifests",
  help: `Work with service manifests.

Examples:
  $ zss manifest init --service-id camera services.d/camera.json
  $ zss manifest lint services.d
  $ zss manifest explain runtime.timeout_ms`,
  routes: {
    lint: leaf("check service manifests", "manifest_lint"),
    fmt: leaf("lay out manifests", "manifest_fmt"),
    init: leaf("write a manifest to start from", "manifest_init"),
    explain: leaf("say what a member or a rule is for", "manifest_explain"),
    schema: leaf("print the JSON Schema of a manifest", "manifest_schema"),
  },
};

const server: Branch = {
  brief: "run the control plane, or look after its store",
  help: "",
  alone: leaf("run the control plane", "server"),
  routes: {
    verify: leaf("read the whole store and say what is wrong", "server_verify"),
    backup: leaf("copy the store into one file", "server_backup"),
    restore: leaf("put a backup in the place of the store", "server_restore"),
    compact: leaf("give unused space back", "server_compact"),
    token: {
      brief: "make and end bearer tokens",
      help: `Make and end the bearer tokens of a server.

Examples:
  $ zss server token create alice
  $ zss server token list
  $ zss server token revoke alice`,
      routes: {
        create: leaf("make a token", "server_token_create"),
        list: leaf("list the tokens", "server_token_list"),
        revoke: leaf("end a token", "server_token_revoke"),
        rotate: leaf("make a token anew", "server_token_rotate"),
      },
    },
    audit: {
      brief: "see who did what",
      help: `See who did what on a server, and whether the record is whole.

Examples:
  $ zss server audit tail
  $ zss server audit verify --data-dir /var/lib/zss`,
      routes: {
        tail: leaf("show the newest entries", "server_audit_tail"),
        verify: leaf("find entries that were altered, removed or added", "server_audit_verify"),
      },
    },
  },
};

const context: Branch = {
  brief: "keep servers and their tokens under names",
  help: `Keep servers and their tokens under names.

A context is an address and the token for it. Commands use the current one, or the
one that --context or ZSS_CONTEXT names. --url and --token-file go before ZSS_URL
and ZSS_TOKEN, and those before a context; the token of a context is never sent to
another server than its own. When address and token are both given by flags or
variables, the current context is left out of it.

Examples:
  $ zss context add lab --url ws://lab.example:18790 --token-file lab.token
  $ zss context use lab
  $ zss node list
  $ zss node list --context office

The contexts are kept in contexts.json in the platform's config folder, or in that
of ZSS_CONFIG_DIR, readable by their owner only.

${globalsHelp}`,
  routes: {
    add: leaf("keep a server under a name", "context_add"),
    use: leaf("make a context the current one", "context_use"),
    list: leaf("list the contexts", "context_list"),
    show: leaf("show which server commands talk to, and why", "context_show"),
    delete: leaf("forget a context and its token", "context_delete"),
  },
};

const project: Branch = {
  brief: "group folders of nodes, and say who may use them",
  help: `Group folders of nodes under paths, and say who may use them.

Examples:
  $ zss project create site
  $ zss project mount set proj-1 /src=node-1:work
  $ zss project update proj-1 --access read=open --access observe=open

${globalsHelp}`,
  routes: {
    create: leaf("make a project", "project_create"),
    list: leaf("list the projects that you may read", "project_list"),
    get: leaf("describe one project", "project_get"),
    update: leaf("change what is said about a project", "project_update"),
    delete: leaf("delete a project", "project_delete"),
    activate: leaf("make a project the active one of your agent", "project_activate"),
    up: leaf("bring a project to a wanted state", "project_up"),
    mount: {
      brief: "show folders of nodes under paths",
      help: `Show folders of nodes under paths of a project.

Examples:
  $ zss project mount set proj-1 /src=node-1:work
  $ zss project mount list proj-1`,
      routes: {
        set: leaf("show a folder under a path", "project_mount_set"),
        remove: leaf("take a mount away", "project_mount_remove"),
        list: leaf("list the mounts", "project_mount_list"),
      },
    },
    token: {
      brief: "make and end the token of a project",
      help: `Make and end the token of a project.

Examples:
  $ zss project token rotate proj-1 -o name > proj-1.token
  $ zss project token revoke proj-1`,
      routes: {
        rotate: leaf("give a project a new token", "project_token_rotate"),
        revoke: leaf("end the token", "project_token_revoke"),
      },
    },
  },
};

const workspace: Branch = {
  brief: "see what a project serves",
  help: `See what a project serves at this moment.

Examples:
  $ zss workspace status proj-1`,
  routes: {
    status: leaf("show each path with the node behind it", "workspace_status"),
  },
};

const fs: Branch = {
  brief: "read, write and copy the files of the tree",
  help: `Read, write and copy the files of the tree: nodes, services, projects and exported folders.

Examples:
  $ zss fs ls /nodes
  $ zss fs read /nodes/node-1/services/echo/STATUS.json
  $ zss fs tree --max-depth 2
  $ zss fs cp -r :/nodes/node-1/fs/work/logs ./logs

${globalsHelp}`,
  routes: {
    ls: leaf("list a directory", "fs_ls"),
    read: leaf("print a file", "fs_read"),
    write: leaf("write a file", "fs_write"),
    stat: leaf("describe a file or directory", "fs_stat"),
    tree: leaf("show a directory with all that is in it", "fs_tree"),
    cp: leaf("copy files from and to this machine", "fs_cp"),
    mv: leaf("move or rename files", "fs_mv"),
    mkdir: leaf("make directories", "fs_mkdir"),
    rm: leaf("remove files and directories", "fs_rm"),
    watch: leaf("show what changes", "fs_watch"),
  },
};

const explain: Branch = {
  brief: "say which rule decides",
  help: `Say which rule decides.

Examples:
  $ zss explain visibility /nodes/node-1/camera --as alice`,
  routes: {
    visibility: leaf("who sees a node or a service, and why", "explain_visibility"),
  },
};

/** Everything that stands behind `zss`. */
export const rootRoutes: Branch = {
  brief: "the services of many machines as one tree of files",
  help: `The services of many machines as one tree of files.

Start with:
  $ zss demo            see it work, on this machine alone
  $ zss server          run the control plane
  $ zss node run        serve this machine's services
  $ zss node list       see which nodes there are
  $ zss fs ls           look around in the tree

Every command has --help with examples.

${globalsHelp}`,
  routes: {
    demo: leaf("see it work on this machine", "demo"),
    server,
    node,
    manifest,
    project,
    workspace,
    fs,
    explain,
    context,
    driver: leaf("run a reference driver", "driver"),
    completion: leaf("print a script that makes a shell complete", "completion"),
    version: leaf("print the version", "version"),
  },
};
