/**
 * Valid manifests of about 1 KB, as many different ones as are wanted.
 *
 * @module
 */

/** What tells the services of one kind from those of another. */
interface Kind {
  readonly kind: string;
  /** The option of the driver that names the device. */
  readonly device: string;
  readonly timeoutMs: number;
  /** Members of a call, as JSON Schema, and a value for each. */
  readonly members: Readonly<Record<string, readonly [schema: object, example: string | number | boolean]>>;
  readonly help: string;
}

const KINDS: readonly Kind[] = [
  {
    kind: "camera",
    device: "/dev/video",
    timeoutMs: 15_000,
    members: {
      zoom: [{ type: "integer", minimum: 1, maximum: 8 }, 2],
      format: [{ enum: ["jpeg", "png", "webp"] }, "jpeg"],
    },
    help: "Takes a picture. The zoom is optical up to 4, then digital.",
  },
  {
    kind: "thermometer",
    device: "/dev/i2c-",
    timeoutMs: 2000,
    members: {
      unit: [{ enum: ["celsius", "kelvin"] }, "celsius"],
      samples: [{ type: "integer", minimum: 1, maximum: 100 }, 10],
    },
    help: "Reads the temperature as the mean of some samples, 20 ms apart.",
  },
  {
    kind: "printer",
    device: "/dev/usb/lp",
    timeoutMs: 40_000,
    members: {
      text: [{ type: "string", maxLength: 65_536 }, "hello"],
      copies: [{ type: "integer", minimum: 1 }, 1],
      duplex: [{ type: "boolean" }, true],
    },
    help: "Prints a text and answers once the last page is out.",
  },
  {
    kind: "speech",
    device: "hw:",
    timeoutMs: 30_000,
    members: {
      text: [{ type: "string", minLength: 1 }, "the door is open"],
      speed: [{ type: "number", exclusiveMinimum: 0, maximum: 4 }, 1.25],
    },
    help: "Says a text through a loudspeaker, one text after the other.",
  },
  {
    kind: "index",
    device: "/srv/index/",
    timeoutMs: 5000,
    members: {
      query: [{ type: "string", minLength: 1 }, "red bicycle"],
      limit: [{ type: "integer", minimum: 1, maximum: 1000 }, 20],
    },
    help: "Finds documents and lists the best of them first.",
  },
];

/**
 * Writes a manifest that the linter has nothing to say about.
 *
 * Two different numbers give two different services, whose paths do not overlap.
 *
 * @throws {RangeError} If the number is not a whole one of at least 0.
 */
export function sampleManifest(index: number): string {
  const chosen = KINDS[index % KINDS.length];
  if (chosen === undefined) {
    throw new RangeError(`Cannot write sample ${index}: a whole number of at least 0 is needed`);
  }
  const { kind, device, timeoutMs, members, help } = chosen;
  const id = `${kind}-${String(index).padStart(5, "0")}`;
  const path = `/nodes/{node_id}/${id}`;
  const schemas = Object.entries(members).map(([name, [schema]]) => [name, schema]);
  const examples = Object.entries(members).map(([name, [, example]]) => [name, example]);
  const manifest = {
    service_id: id,
    kind,
    version: `${1 + index % 3}.${index % 10}.${index % 7}`,
    endpoints: [path],
    mounts: [{ mount_id: id, mount_path: path }],
    capabilities: { invoke: true, streams: index % 2 === 0, slots: 1 + index % 4 },
    runtime: {
      type: "native_proc",
      executable_path: `${kind}-driver`,
      args: ["--device", `${device}${index}`],
      timeout_ms: timeoutMs,
    },
    permissions: { default: "deny-by-default", allow_roles: ["admin", "user"] },
    schema: {
      model: "namespace-mount",
      input: {
        type: "object",
        properties: Object.fromEntries(schemas),
        required: [Object.keys(members)[0]],
      },
    },
    invoke_template: Object.fromEntries(examples),
    help_md: `# ${id}\n\n${help}\n\nWrite a call to control/invoke.json.\n`,
  };
  return JSON.stringify(manifest, null, 1) + "\n";
}
