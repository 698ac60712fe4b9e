// The reference server in its streamable HTTP mode, on a free port of loopback.
//
// By itself it listens on every interface, on a port it must be told, and never
// says which one the system chose. Here the first JSON line of standard output does.

import { Server } from "node:net";

const { listen } = Server.prototype;
Server.prototype.listen = function (_port, done) {
  this.once("listening", () => {
    const { address, port } = this.address();
    console.log(JSON.stringify({ listening: `${address}:${port}` }));
  });
  return listen.call(this, { host: "127.0.0.1", port: 0 }, done);
};

process.argv[2] = "streamableHttp";
await import("@modelcontextprotocol/server-everything/dist/index.js");
