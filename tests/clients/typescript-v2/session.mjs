// A whole MCP session by the second generation of the official TypeScript client, through
// mutual TLS.
//
//   node session.mjs URL --authority PEM [--certificate PEM --key PEM]
//     [--mode legacy|auto] [--call '["TOOL", {ARGUMENTS}]']...
//
// Prints one JSON object: what the server listed, and what became of each call.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Client, ProtocolError, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Agent, fetch } from "undici";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    authority: { type: "string" },
    certificate: { type: "string" },
    key: { type: "string" },
    mode: { type: "string", default: "legacy" },
    call: { type: "string", multiple: true, default: [] },
  },
});

const read = (file) => (file ? readFileSync(file) : undefined);
const dispatcher = new Agent({
  connect: { ca: read(values.authority), cert: read(values.certificate), key: read(values.key) },
});

// What became of one call; a refusal fails the call and not the session.
async function call(client, [name, args]) {
  try {
    const result = await client.callTool({ name, arguments: args });
    const outcome = result.isError ? "error" : "allowed";
    return { tool: name, outcome, text: result.content[0].text };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { tool: name, outcome: "denied", code: error.code, message: error.message };
  }
}

const client = new Client(
  { name: "accesspolicy-test", version: "1.0.0" },
  { versionNegotiation: { mode: values.mode } },
);
const transport = new StreamableHTTPClientTransport(new URL(positionals[0]), {
  fetch: (url, init) => fetch(url, { ...init, dispatcher }),
});
await client.connect(transport);
const { tools } = await client.listTools();
const calls = [];
for (const one of values.call) calls.push(await call(client, JSON.parse(one)));
const outcome = {
  protocol: client.getNegotiatedProtocolVersion(),
  tools: tools.map((tool) => tool.name).sort(),
  calls,
};
await transport.terminateSession();
await client.close();
await dispatcher.close();
console.log(JSON.stringify(outcome));
