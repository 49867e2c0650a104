// The other implementation: a server made of npm `ws` that greets, and answers every text once.
// Says its port on the first line, and ends with its standard input.
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(process.argv[2] + "/")("ws");
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", maxPayload: 1024 * 1024 });
server.on("connection", (socket) => {
  socket.on("error", () => {}); // the library has closed it already
  socket.on("message", (_, isBinary) => (isBinary ? socket.close(1002) : socket.send("heard")));
  socket.send("hello");
});
server.on("listening", () => console.log(server.address().port));
process.stdin.on("close", () => process.exit()).resume();
