/**
 * The rules that need no text: those of the linter's quick look.
 *
 * @module
 */

import type { ManifestRule, SetRule } from "../rule.ts";
import { duplicateServiceId } from "./duplicate_service_id.ts";
import { endpointPrefix } from "./endpoint_prefix.ts";
import { mountOverlap } from "./mount_overlap.ts";
import { pathClean } from "./path_clean.ts";
import { permissionsReach } from "./permissions_reach.ts";
import { placeholder } from "./placeholder.ts";
import { poolUnused } from "./pool_unused.ts";
import { reservedVariable } from "./reserved_variable.ts";
import { runtimeField } from "./runtime_field.ts";
import { schemaInput } from "./schema_input.ts";
import { secret } from "./secret.ts";
import { supervisionTrips } from "./supervision_trips.ts";
import { templateRefused } from "./template_refused.ts";
import { timeoutLong } from "./timeout_long.ts";
import { unknownKey } from "./unknown_key.ts";

/** Rules about one manifest. */
export const manifestRules: readonly ManifestRule[] = [
  unknownKey,
  pathClean,
  placeholder,
  endpointPrefix,
  runtimeField,
  poolUnused,
  reservedVariable,
  timeoutLong,
  supervisionTrips,
  permissionsReach,
  schemaInput,
  templateRefused,
  secret,
];

/** Rules about manifests that are loaded together. */
export const setRules: readonly SetRule[] = [duplicateServiceId, mountOverlap];
