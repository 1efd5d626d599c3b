/**
 * The folder in which a user's configuration is kept.
 *
 * @module
 */

/**
 * The folder, which need not be there yet; undefined when the environment names none.
 *
 * @param platform As in `drivers/process/this_system.ts`.
 */
export function configDir(env: Readonly<Record<string, string | undefined>>, platform: string): string | undefined {
  if (env["ZSS_CONFIG_DIR"]) return env["ZSS_CONFIG_DIR"];
  if (platform === "windows") return below(env["APPDATA"], "\\zss");
  // A relative one is to be ignored, says the XDG base directory specification.
  if (env["XDG_CONFIG_HOME"]?.startsWith("/")) return `${env["XDG_CONFIG_HOME"]}/zss`;
  return below(env["HOME"], platform === "macos" ? "/Library/Application Support/zss" : "/.config/zss");
}

function below(folder: string | undefined, rest: string): string | undefined {
  return folder ? folder + rest : undefined;
}
