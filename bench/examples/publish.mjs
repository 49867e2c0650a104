// Signs in, connects, joins the first project, publishes an entry of its feed and receives it.
//
//     npm install ws@8.23.0
//     node publish.mjs http://127.0.0.1:7077 maya PASSWORD
import { randomBytes, randomUUID } from "node:crypto";
import { on } from "node:events";
import WebSocket from "ws";

const [server, name, password] = process.argv.slice(2);

function uuid7() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

const device = { id: randomUUID(), kind: "other", name: "example" };
const body = JSON.stringify({ name, password, device });
const answer = await fetch(`${server}/v1/sign-in`, { method: "POST", headers: { "content-type": "application/json" }, body });
const { access_token: token } = await answer.json();

const address = `${server.replace("http", "ws")}/v1/ws`;
const socket = new WebSocket(address, "watchbell.v1", { headers: { authorization: `Bearer ${token}` } });
const messages = on(socket, "message", { signal: AbortSignal.timeout(10_000) });
const next = async () => JSON.parse((await messages.next()).value[0].toString());

// Sends a command; gives what came until its answer.
async function ask(cmd, room, data) {
  const id = uuid7();
  socket.send(JSON.stringify({ id, cmd, room, data }));
  const frames = [];
  for (;;) {
    const frame = await next();
    if (frame.error || (frame.re === id && !frame.ok)) throw new Error(JSON.stringify(frame));
    if (frame.re === id) return frames;
    frames.push(frame);
  }
}

const own = (await next()).connected.user_room;
const state = (await ask("room:join", own, {})).flatMap((frame) => frame.state?.items ?? []);
const project = `project:${state.find((item) => item.kind === "project").value.id}`;
await ask("room:join", project, {});
const came = await ask("activity:post", project, { title: "hello from Node" });
while (!came.some((frame) => frame.event === "activity:new")) came.push(await next());
console.log("received:", came.find((frame) => frame.event === "activity:new").data);
socket.close();
