/**
 * What has to happen when the manifests have changed.
 *
 * Pure: the services that run and those that are wanted give the steps. A
 * service whose manifest is the same is in no step, so nothing of it is touched.
 *
 * @module
 */

/** One step; steps are independent of each other. */
export type ReloadStep<Wanted> =
  | { readonly type: "add"; readonly id: string; readonly wanted: Wanted }
  | { readonly type: "replace"; readonly id: string; readonly wanted: Wanted }
  | { readonly type: "remove"; readonly id: string };

/**
 * The steps from what runs to what is wanted.
 *
 * @param running Fingerprint of each running service, by id.
 * @param wanted The services to run, by id.
 * @param fingerprint What makes a service differ from what runs.
 * @param keep Ids that are not wanted but must stay: those whose file is damaged now.
 */
export function planReload<Wanted>(
  running: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, Wanted>,
  fingerprint: (service: Wanted) => string,
  keep: ReadonlySet<string> = new Set(),
): ReloadStep<Wanted>[] {
  const steps: ReloadStep<Wanted>[] = [];
  for (const [id, service] of wanted) {
    const before = running.get(id);
    if (before === undefined) steps.push({ type: "add", id, wanted: service });
    else if (before !== fingerprint(service)) steps.push({ type: "replace", id, wanted: service });
  }
  for (const id of running.keys()) {
    if (!wanted.has(id) && !keep.has(id)) steps.push({ type: "remove", id });
  }
  return steps;
}
