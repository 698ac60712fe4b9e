// An Express application: an MCP endpoint at `/mcp` by `app.use`, and handlers that need
// no body. Every tool or handler that runs is one JSON line of standard output, with the
// id of the HTTP request.

import { createRequire } from "node:module";
import { join } from "node:path";

// The packages are in the folder that is the first argument.
const express = createRequire(join(process.argv[2], "package.json"))("express");

const say = (line) => console.log(JSON.stringify(line));
const tell = (ran, request) => say({ ran, id: request.headers["x-request-id"] });

// A handler that does its work without a look at the body.
const acts = (name) => (request, response) => {
  tell(name, request);
  response.json({ done: name });
};

const app = express();
app.post("/mcp/admin/reset", acts("reset"));
// As public servers do that know a method by several names, or look at a part of it.
app.use("/mcp/loose", express.json(), (request, response) => {
  const { id, method, params } = request.body ?? {};
  const calls = ["tools/call", "callTool", "call_tool", "tools.call", "tools_call", "toolsCall"];
  const is = calls.includes(method) || /^tools\/call\/|tools\/call$/.test(method);
  if (is) tell(`tools/call ${params?.name}`, request);
  response.json({ jsonrpc: "2.0", id, result: {} });
});
app.use("/mcp", express.json(), (request, response) => {
  const { id, method, params } = request.body ?? {};
  tell(`${method} ${params?.name}`, request);
  response.json({ jsonrpc: "2.0", id, result: {} });
});
app.post("/admin/reset", acts("reset"));
app.post("/admin", acts("admin"));
app.get("/export", acts("export"));
app.delete("/files/:name", acts("delete"));
app.post("/status", acts("status"));
// What goes wrong belongs to the answer, not to the log.
app.use((error, _request, response, _next) => response.status(error.status ?? 500).end());

const listener = app.listen(0, "127.0.0.1", () => {
  const { address, port } = listener.address();
  say({ listening: `${address}:${port}` });
});
