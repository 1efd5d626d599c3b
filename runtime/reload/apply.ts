/**
 * Walks the steps of a plan on the services that run.
 *
 * A step that fails leaves its service as it was and stops no other step.
 *
 * @module
 */

import type { ReloadStep } from "./plan.ts";

/** Whose services change; usually the host. Each method throws when it cannot, and has then changed nothing. */
export interface ReloadTarget<Definition> {
  add(definition: Definition): void;
  replace(definition: Definition): void;
  remove(service_id: string): void;
  /** Says that the newest version of a service cannot be used, and why; `undefined` takes that back. */
  fault(service_id: string, reason: string | undefined): void;
  /** Tells whoever listens once, after `body`. */
  batch(body: () => void): void;
}

/** What was done, by service_id. */
export interface ReloadChange {
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  readonly removed: readonly string[];
}

/** A step that could not be done. */
export interface FailedStep {
  readonly id: string;
  readonly thrown: unknown;
}

/** Walks `steps`, removals first, so that what they free is free for the others. */
export function applySteps<Wanted, Definition>(
  steps: readonly ReloadStep<Wanted>[],
  target: ReloadTarget<Definition>,
  define: (wanted: Wanted) => Definition,
): { readonly change: ReloadChange; readonly failed: readonly FailedStep[] } {
  const failed: FailedStep[] = [];
  const done: Record<ReloadStep<Wanted>["type"], string[]> = { add: [], replace: [], remove: [] };
  const isRemoval = (step: ReloadStep<Wanted>) => step.type === "remove";
  const inOrder = [...steps.filter(isRemoval), ...steps.filter((step) => !isRemoval(step))];
  target.batch(() => {
    for (const step of inOrder) {
      try {
        if (step.type === "remove") target.remove(step.id);
        else target[step.type](define(step.wanted));
        done[step.type].push(step.id);
      } catch (thrown) {
        failed.push({ id: step.id, thrown });
      }
    }
  });
  return { change: { added: done.add, replaced: done.replace, removed: done.remove }, failed };
}
