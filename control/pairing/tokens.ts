/**
 * Secrets: how they are made, kept and compared.
 *
 * Every secret has 128 random bits or more, so a plain SHA-256 digest is enough
 * to keep it; nothing here is a password. The clear text exists only in the
 * answer that hands it out.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Role } from "../protocol/trust.ts";

/** Returns `count` bytes that nobody can predict. */
export type RandomBytes = (count: number) => Uint8Array;

/** What a secret is for; the beginning of its text. */
export type SecretPrefix = "inv-" | "secret-" | "lease-" | "fs-" | "claim-" | "proj-";

/** Makes a secret: its prefix and 32 hexadecimal digits. */
export function newSecret(prefix: SecretPrefix, random: RandomBytes): string {
  return prefix + Buffer.from(random(16)).toString("hex");
}

/** Makes a bearer token; its beginning says whose it is. */
export function newBearerToken(role: Role, random: RandomBytes): string {
  return `sw-${role}_${Buffer.from(random(24)).toString("base64url")}`;
}

/** Makes a code that people compare: two groups of three signs that are not easily mistaken for each other. */
export function newCode(random: RandomBytes): string {
  const signs = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";
  const text = Array.from(random(6), (byte) => signs[byte % signs.length]).join("");
  return `${text.slice(0, 3)}-${text.slice(3)}`;
}

/** Digest under which a secret is kept: 64 hexadecimal digits. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether `secret` has the digest `hash`, in a time that does not depend on where they differ. */
export function secretMatches(secret: string, hash: string): boolean {
  const own = hashSecret(secret);
  // What is compared are digests, so the loop need not hide more than where they differ; it costs a tenth of the
  // runtime's timingSafeEqual, which every upsert would pay.
  let difference = own.length ^ hash.length;
  for (let at = 0; at < own.length; at++) difference |= own.charCodeAt(at) ^ hash.charCodeAt(at);
  return difference === 0;
}

/** A digest that no secret has, to compare with where there is none, so that both refusals take the same time. */
export const NO_SECRET_HASH = "0".repeat(64);
