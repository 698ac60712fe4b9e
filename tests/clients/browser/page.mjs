// What runs in the page: a whole MCP session by the official TypeScript client.

import { Client, ProtocolError, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

globalThis.session = async (url, token, tools) => {
  const client = new Client({ name: "accesspolicy-test", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  });
  await client.connect(transport);
  const listed = await client.listTools();
  const calls = [];
  for (const name of tools) {
    try {
      const result = await client.callTool({ name, arguments: {} });
      calls.push({ tool: name, outcome: "allowed", text: result.content[0].text });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      calls.push({ tool: name, outcome: "denied", code: error.code, message: error.message });
    }
  }
  const session = transport.sessionId;
  await transport.terminateSession();
  await client.close();
  return { tools: listed.tools.length, session: typeof session, calls };
};
