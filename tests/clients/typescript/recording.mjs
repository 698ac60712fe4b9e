// A server on the official TypeScript SDK that runs whatever tool it is asked for,
// by any name, and says so: one JSON line of standard output each, with the id of
// the HTTP request. Put together as the SDK documents it: Express reads the body.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  CallToolRequestSchema,
  GetPromptRequestSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

// Without sessions, so that every message stands for itself.
function server(id) {
  const server = new Server(
    { name: "recording", version: "1.0.0" },
    { capabilities: { tools: {}, prompts: {}, resources: {} } },
  );
  // A name may be half a character, which no line of JSON can hold.
  const tell = (ran, thing) =>
    console.log(JSON.stringify({ ran, thing: thing.toWellFormed(), id }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
    tell("tools/call", params.name);
    return { content: [] };
  });
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    tell("prompts/get", params.name);
    return { messages: [] };
  });
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => {
    tell("resources/read", params.uri);
    return { contents: [] };
  });
  return server;
}

const app = createMcpExpressApp();
app.post("/mcp", async (request, response) => {
  const one = server(request.headers["x-request-id"]);
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: undefined,
    enableJsonResponse: true,
  });
  response.on("close", () => {
    transport.close();
    one.close();
  });
  await one.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
// What goes wrong belongs to the answer, not to the log.
app.use((error, _request, response, _next) => response.status(error.status ?? 500).end());

const listener = app.listen(0, "127.0.0.1", () => {
  const { address, port } = listener.address();
  console.log(JSON.stringify({ listening: `${address}:${port}` }));
});
