import assert from "node:assert/strict";
import { configDir } from "./config_dir.ts";

const home = { HOME: "/home/ada" };
const cases: readonly (readonly [string, Readonly<Record<string, string>>, string | undefined])[] = [
  ["linux", home, "/home/ada/.config/zss"],
  ["linux", { ...home, XDG_CONFIG_HOME: "/cfg" }, "/cfg/zss"],
  ["linux", { ...home, XDG_CONFIG_HOME: "cfg" }, "/home/ada/.config/zss"],
  ["linux", { ...home, XDG_CONFIG_HOME: "/cfg", ZSS_CONFIG_DIR: "here" }, "here"],
  ["linux", { ...home, ZSS_CONFIG_DIR: "" }, "/home/ada/.config/zss"],
  ["linux", {}, undefined],
  ["macos", home, "/home/ada/Library/Application Support/zss"],
  ["macos", { ...home, XDG_CONFIG_HOME: "/cfg" }, "/cfg/zss"],
  ["windows", { ...home, APPDATA: "C:\\Users\\ada\\AppData\\Roaming" }, "C:\\Users\\ada\\AppData\\Roaming\\zss"],
  ["windows", home, undefined],
];
for (const [platform, env, folder] of cases) {
  Deno.test(`configDir() is ${folder ?? "unknown"} on ${platform} with ${JSON.stringify(env)}`, () => {
    assert.equal(configDir(env, platform), folder);
  });
}
