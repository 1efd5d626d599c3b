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

Examples:
  $ zss node run --control-url ws://127.0.0.1:18790 --invite-token inv-...
  $ zss node list
  $ zss node watch

${globalsHelp}`,
  routes: {
    run: leaf("serve this machine's services", "node_run"),
    watch: leaf("show catalog changes as they happen", "node_watch"),
    list: leaf("list the nodes", "node_list"),
    info: leaf("describe one node", "node_info"),
    invite: leaf("make an invite for one node", "node_invite"),
    delete: leaf("delete a node and its catalog", "node_delete"),
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
    "service-upsert": leaf("publish a catalog by hand", "node_service_upsert"),
    "service-get": leaf("show the catalog of a node", "node_service_get"),
    "service-runtime": leaf("operate a service of a node", "node_service_runtime"),
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

/** Everything that stands behind `zss`. */
export const rootRoutes: Branch = {
  brief: "the services of many machines as one tree of files",
  help: `The services of many machines as one tree of files.

Start with:
  $ zss demo            see it work, on this machine alone
  $ zss server          run the control plane
  $ zss node run        serve this machine's services

Every command has --help with examples.

${globalsHelp}`,
  routes: {
    demo: leaf("see it work on this machine", "demo"),
    server,
    node,
    manifest,
    context,
    driver: leaf("run a reference driver", "driver"),
    version: leaf("print the version", "version"),
  },
};
