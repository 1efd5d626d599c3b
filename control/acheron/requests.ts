/**
 * The messages of the runtime channel, one schema for each.
 *
 * What a message takes stands beside `tag`, not in a payload.
 *
 * Source: docs/protocol.md, "Runtime channel".
 *
 * @module
 */

import { z } from "zod";
import type { Envelope } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { childNameProblem, MAX_TRANSFER_BYTES } from "../protocol/fs.ts";
import { decodeBase64 } from "../protocol/fs_requests.ts";

/** Size of messages that is agreed on unless the client names another; it is sent back and never enforced. */
export const DEFAULT_MSIZE = 1_048_576;
/** Bytes that a read without `count` returns at most; the reference calls it iounit. */
export const IO_UNIT = 65_536;
/** Most names in one walk. */
const MAX_WALK = 512;

const fid = z.int("must be a whole number").min(0, "must be at least 0").max(0xffff_ffff, "must be below 2^32");
const offset = z.int("must be a whole number").min(0, "must be at least 0").default(0);
const step = z.string("must be a string").refine((name) => name === "." || name === ".." || !childNameProblem(name), {
  error: (issue) => `is no name: ${childNameProblem(String(issue.input)) ?? ""}`,
});
const name = z.string("must be a string").refine((text) => !childNameProblem(text), {
  error: (issue) => `is no name: ${childNameProblem(String(issue.input)) ?? ""}`,
});

const names = z.array(name, "must be an array of names").max(MAX_WALK, `must hold at most ${MAX_WALK} names`);
const steps = z.array(step, "must be an array of names").max(MAX_WALK, `must hold at most ${MAX_WALK} names`);

const messages = {
  t_version: z.object({ msize: z.int().min(1).default(DEFAULT_MSIZE), version: z.string("must be a string") }),
  t_attach: z.object({ fid }),
  t_walk: z.object({
    fid,
    newfid: fid,
    path: steps,
  }),
  /** `truncate` empties a file that is opened to write. */
  t_open: z.object({ fid, mode: z.string("must be a string").default("r"), truncate: z.boolean().default(false) }),
  /**
   * `follow`: wait at the end of a stream. `format`: a directory as lines of JSON instead of names. `links`: with the
   * links that lead to nothing that may be shown.
   */
  t_read: z.object({
    fid,
    offset,
    count: z.int("must be a whole number").min(0, "must be at least 0").default(IO_UNIT)
      .transform((count) => Math.min(count, MAX_TRANSFER_BYTES)),
    follow: z.boolean().default(false),
    format: z.enum(["names", "ndjson"], "must be names or ndjson").default("names"),
    links: z.boolean().default(false),
  }),
  t_write: z.object({ fid, offset, data_b64: z.string().optional(), data: z.string().optional() })
    .transform((request, context) => {
      const { data_b64, data } = request;
      const bytes = data_b64 === undefined
        ? data === undefined ? undefined : new TextEncoder().encode(data)
        : decodeBase64(data_b64);
      const problem = data_b64 === undefined && data === undefined
        ? "data_b64 or data is required"
        : bytes === undefined
        ? "InvalidBase64: data_b64 must be standard base64 with padding"
        : bytes.length > MAX_TRANSFER_BYTES
        ? `a write holds at most ${MAX_TRANSFER_BYTES} bytes`
        : undefined;
      if (bytes !== undefined && problem === undefined) return { ...request, bytes };
      context.addIssue(problem ?? "");
      return z.NEVER;
    }),
  /** `path`: what stands there from the fid, as a walk to a fid of its own, a look at it and its clunk would say. */
  t_stat: z.object({ fid, path: steps.default([]) }),
  t_clunk: z.object({ fid }),
  /** `oldtag`: the one request that is not waited for any more; absent for all. */
  t_flush: z.object({ oldtag: z.unknown().optional() }),
  /** Makes an empty file or a directory. */
  t_create: z.object({ fid, name, kind: z.enum(["file", "dir"], "must be file or dir").default("file") })
    // The message has a name of its own.
    .transform(({ name: child, ...rest }) => ({ ...rest, child })),
  /** Removes a file or an empty directory. `path`: what has that name from the fid; a link need not lead anywhere. */
  t_remove: z.object({ fid, path: names.default([]) }),
  /**
   * Moves a file or a directory within its export. `path`: from the root of the world to where it stands then. `from`:
   * what has that name from the fid; a link need not lead anywhere.
   */
  t_rename: z.object({
    fid,
    path: names.min(1, "must hold a name"),
    from: names.default([]),
  }),
} as const;

/** Name of a message without its prefix. */
export type MessageName = keyof typeof messages;

/** A message that has been read. */
export type RuntimeMessage = {
  [Name in MessageName]: { readonly name: Name } & z.output<typeof messages[Name]>;
}[MessageName];

/** Name of the message that a frame holds, if there is one of its type. */
export function messageName(type: string): MessageName | undefined {
  const short = type.slice("acheron.".length);
  return Object.hasOwn(messages, short) ? short as MessageName : undefined;
}

/** Reads a message. @throws {ZssError} `invalid` with the member at fault. */
export function readMessage(name: MessageName, frame: Pick<Envelope, "members">): RuntimeMessage {
  const result = messages[name].safeParse(frame.members);
  if (result.success) return { name, ...result.data } as RuntimeMessage;
  const issue = result.error.issues[0];
  const place = (issue?.path ?? []).map(String);
  const isMissing = place.length === 1 && frame.members[place[0] ?? ""] === undefined;
  const what = place.length === 0 ? "" : `${place.join(".")} `;
  throw new ZssError("invalid", `Cannot run ${name}: ${what}${isMissing ? "is required" : issue?.message ?? ""}`, {
    path: place.map((part) => `/${part}`).join(""),
  });
}
