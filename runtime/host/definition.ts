/**
 * What the host needs to know to run a service.
 *
 * @module
 */

import type { ServiceDescriptor } from "../../control/catalog/descriptor.ts";
import { SERVICE_TREE } from "../../control/protocol/fs.ts";
import type { Driver } from "../../drivers/driver.ts";
import type { TreeIdentity } from "../namespace/service_port.ts";
import type { DeclaredSupervision } from "../supervision/policy.ts";
import type { ServiceFacts } from "./documents.ts";

/** A piece of work that shows whether a service works. */
export interface DeclaredProbe {
  readonly payload: Readonly<Record<string, unknown>>;
  /** In milliseconds; greater than 0. */
  readonly timeout_ms: number;
}

/** One service: what is published about it and what does its work. */
export interface ServiceDefinition {
  /** The catalog entry as the manifest declares it. */
  readonly descriptor: ServiceDescriptor;
  /** Where it comes from, for messages: a file, or for example `the built-in fs service`. */
  readonly origin: string;
  /** How long one run may take, in milliseconds; greater than 0. */
  readonly timeout_ms: number;
  /** Becomes TEMPLATE.json. @default {an empty object} */
  readonly invoke_template?: Readonly<Record<string, unknown>>;
  /** When failures delay or end the use of the service. @default {DEFAULT_DECLARED} */
  readonly supervision?: DeclaredSupervision | undefined;
  /** A run that shows whether the service works, tried at each look at its driver. @default {none} */
  readonly probe?: DeclaredProbe | undefined;
  /** Whether switching the service off ends what runs. @default {false: runs end by themselves} */
  readonly endsWhenDisabled?: boolean;
  /** What the export list says. @default {`svc-<id>`, `namespace service <id>`, `service:<id>`} */
  readonly tree?: TreeIdentity;
  /**
   * Makes what does the work; it starts nothing yet. Absent for a service that
   * is a catalog entry only and has no tree. Called again for `control/restart`, and
   * for `control/enable` of a service that is off.
   */
  readonly createDriver?: () => Driver;
}

/** What the documents of a service say about it. */
export function factsOf({ descriptor, timeout_ms, invoke_template }: ServiceDefinition): ServiceFacts {
  const { service_id, runtime, help_md, schema } = descriptor;
  const type = runtime["type"];
  return {
    service_id,
    runtime: typeof type === "string" ? type : "builtin",
    timeout_ms,
    help_md,
    schema,
    invoke_template,
  };
}

/** How the tree of a service is listed. */
export function treeIdentityOf({ descriptor, tree }: ServiceDefinition): TreeIdentity {
  const id = descriptor.service_id;
  return tree ?? { name: `${SERVICE_TREE}${id}`, description: `namespace service ${id}`, source_id: `service:${id}` };
}
