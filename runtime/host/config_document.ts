/**
 * Reads `config.json` of a service.
 *
 * @module
 */

import type { ZodError } from "zod";
import { overridePolicy, serviceConfig, type SupervisionPolicy } from "../supervision/policy.ts";
import { invalidPayload } from "../namespace/service_port.ts";
import { requireObject, trimmed } from "./payload.ts";

/** A configuration: the document as written, and the rules that follow from it. */
export interface Config {
  readonly document: Readonly<Record<string, unknown>>;
  readonly policy: SupervisionPolicy;
}

/**
 * Reads a configuration. An empty one is `{}`; members that are not known stay in the document.
 *
 * @param declared The rules that hold where the document says nothing.
 * @throws {FsError} `EINVAL service invoke payload invalid: <reason>`.
 */
export function readConfig(content: Uint8Array, declared: SupervisionPolicy): Config {
  const text = trimmed(content);
  const document = text.length === 0 ? {} : requireObject(text);
  const reading = serviceConfig.safeParse(document);
  if (!reading.success) throw invalidPayload(firstIssue(reading.error), reading.error);
  return { document, policy: overridePolicy(declared, reading.data.supervision) };
}

function firstIssue(error: ZodError): string {
  const [issue] = error.issues;
  return issue === undefined ? "it is no configuration" : `${issue.path.join(".")} ${issue.message}`;
}
