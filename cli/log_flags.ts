/**
 * The flags of the log, for commands that stay.
 *
 * @module
 */

/** How much the log says, from most to least. */
export const logLevels = ["debug", "info", "warning", "error"] as const;

/** Forms of a line of the log. */
export const logForms = ["text", "json"] as const;

/** What the flags of {@linkcode logFlags} say. */
export interface LogWishes {
  readonly logLevel?: typeof logLevels[number];
  readonly logFormat?: typeof logForms[number];
}

/** The flags of commands that stay and keep a log. */
export const logFlags = {
  logLevel: {
    kind: "enum",
    values: logLevels,
    brief: "least severe records to write to standard error; warning, info with --log-format json",
    optional: true,
  },
  logFormat: { kind: "enum", values: logForms, brief: "form of a line of the log; text", optional: true },
} as const;
