import assert from "node:assert/strict";
import { Errno, FsError, type FsHello } from "../../control/protocol/mod.ts";
import { FsClientSession } from "./fs_client_session.ts";

/** A connection whose buffer is set by hand, and what the session did with it. */
class Scene {
  bufferedBytes = 0;
  readonly log: string[] = [];
  readonly sent: string[] = [];
  readonly requests: { readonly text: string; readonly answer: () => void }[] = [];
  takeAll: () => void = () => {};
  push: (frame: string) => void = assert.fail;
  readonly session: FsClientSession;

  constructor(options: { readonly byDefault?: boolean; readonly admit?: (hello: FsHello) => void } = {}) {
    const bufferedBytes = () => this.bufferedBytes;
    this.session = new FsClientSession({
      get bufferedBytes() {
        return bufferedBytes();
      },
      send: (text, taken) => {
        this.sent.push(text);
        this.takeAll = taken;
      },
      pause: () => this.log.push("pause"),
      resume: () => this.log.push("resume"),
      close: (code, reason) => this.log.push(`close ${code} ${reason}`),
    }, {
      admit: options.admit ?? (() => {}),
      connect: (send, { subscribe }) => {
        this.log.push(`connect ${subscribe}`);
        this.push = send;
        return {
          handle: (text) => new Promise<void>((answer) => this.requests.push({ text, answer })),
          close: () => this.log.push("closed"),
        };
      },
      subscribesByDefault: options.byDefault ?? true,
      onSlow: () => this.log.push("slow"),
      onRefused: () => this.log.push("refused"),
    });
  }
}

function hello(more: Readonly<Record<string, unknown>> = {}): string {
  const payload = { protocol: "unified-v2-fs", proto: 2, ...more };
  return JSON.stringify({ channel: "acheron", type: "acheron.t_fs_hello", tag: 1, payload });
}

const request = '{"channel":"acheron","type":"acheron.t_fs_exports","tag":2}';
const news = '{"channel":"acheron","type":"acheron.e_fs_inval","payload":{"node":1,"what":"all"}}';

Deno.test("FsClientSession hands everything after a hello to the handler, and tells of changes unless the client objects", () => {
  const cases: [Record<string, unknown>, boolean, string][] = [
    [{}, true, "connect true"],
    [{ subscribe_invalidations: false }, true, "connect false"],
    [{}, false, "connect false"],
    [{ subscribe_invalidations: true }, false, "connect true"],
  ];
  for (const [wish, byDefault, wanted] of cases) {
    const scene = new Scene({ byDefault });
    void scene.session.receive(hello(wish));
    void scene.session.receive(request);
    assert.deepEqual(scene.log, [wanted]);
    assert.deepEqual(scene.requests.map(({ text }) => text), [hello(wish), request]);
  }
});

Deno.test("FsClientSession refuses a first frame that is no hello, in the reference's words, and hears nothing more", async () => {
  const scene = new Scene();
  await scene.session.receive(request);
  assert.match(scene.sent.join(), /"tag":2,.*"errno":22,"message":"acheron.t_fs_hello must be negotiated first"/);
  assert.deepEqual(scene.log, ["refused", "close 1008 a node without a control plane wants t_fs_hello first"]);
  await scene.session.receive(hello());
  assert.equal(scene.requests.length, 0);
});

Deno.test("FsClientSession refuses a hello of another protocol, and what is no frame at all", async () => {
  for (const [text, word] of [[hello({ proto: 1 }), "ProtocolMismatch"], ["{", "InvalidEnvelope"]] as const) {
    const scene = new Scene();
    await scene.session.receive(text);
    assert.match(scene.sent.join(), new RegExp(`"errno":22,"message":"${word}`));
    assert.equal(scene.session.isOpen, false);
  }
});

Deno.test("FsClientSession looks at a later hello as at the first, and leaves other faults to the handler", async () => {
  const admit = ({ auth_token }: FsHello) => {
    if (auth_token !== "right") throw new FsError(Errno.EACCES, "AuthFailed");
  };
  const scene = new Scene({ admit });
  void scene.session.receive(hello({ auth_token: "right" }));
  void scene.session.receive('{"t_fs_hello');
  assert.equal(scene.requests.length, 2);
  await scene.session.receive(hello({ auth_token: "wrong" }));
  assert.deepEqual(scene.log, ["connect true", "refused", "closed", "close 1008 refused"]);
});

Deno.test("FsClientSession does not hear a client that has not taken its answers, until it has", () => {
  const scene = new Scene();
  void scene.session.receive(hello());
  scene.bufferedBytes = 5 * 1024 * 1024;
  scene.push('{"ok":true}');
  assert.deepEqual(scene.log, ["connect true", "pause"]);
  scene.bufferedBytes = 0;
  scene.takeAll();
  assert.deepEqual(scene.log, ["connect true", "pause", "resume"]);
});

Deno.test("FsClientSession begins 64 requests at a time, in order, and hears the client when none waits", async () => {
  const scene = new Scene();
  void scene.session.receive(hello());
  for (let i = 1; i < 66; i++) void scene.session.receive(request.replace("2}", `${i}}`));
  assert.equal(scene.requests.length, 64);
  assert.deepEqual(scene.log, ["connect true", "pause"]);
  for (const answered of [1, 2]) {
    scene.requests[answered]?.answer();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.match(scene.requests.at(-1)?.text ?? "", /"tag":65\}/);
  assert.deepEqual(scene.log, ["connect true", "pause", "resume"]);
});

Deno.test("FsClientSession lets eight reads be under way, and begins none while answers wait", async () => {
  const scene = new Scene();
  void scene.session.receive(hello());
  scene.requests[0]?.answer();
  await new Promise((resolve) => setTimeout(resolve, 0));
  const read = '{"channel":"acheron","type":"acheron.t_fs_read","tag":2,"h":1}';
  for (let i = 0; i < 20; i++) void scene.session.receive(read);
  assert.equal(scene.requests.length, 9);
  scene.bufferedBytes = 5 * 1024 * 1024;
  scene.requests[1]?.answer();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(scene.requests.length, 9);
  scene.bufferedBytes = 0;
  scene.push('{"ok":true}');
  assert.equal(scene.requests.length, 10);
});

Deno.test("FsClientSession forgets what waits when the connection ends", async () => {
  const scene = new Scene();
  void scene.session.receive(hello());
  const last = Array.from({ length: 70 }, () => scene.session.receive(request)).at(-1);
  scene.session.closed();
  await last;
  assert.equal(scene.requests.length, 64);
});

Deno.test("FsClientSession cuts off who takes no news, and who asks for far more than it takes", () => {
  for (const [frame, bytes] of [[news, 5 * 1024 * 1024], ['{"ok":true}', 65 * 1024 * 1024]] as const) {
    const scene = new Scene();
    void scene.session.receive(hello());
    scene.bufferedBytes = bytes;
    scene.push(frame);
    assert.deepEqual(scene.log, ["connect true", "slow", "closed", "close 1013 too slow"]);
    scene.push(frame);
    assert.equal(scene.sent.length, 1);
  }
});
