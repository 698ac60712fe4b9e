// A whole MCP session by a page in Chromium.
//
//   node session.mjs URL --host NAME --token TOKEN [--tool NAME]...
//
// The page is of the origin http://NAME. Prints one JSON object: what the session came to, or
// what kept the page from it.

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliDecompressSync } from "node:zlib";
import { build } from "esbuild";
import puppeteer from "puppeteer-core";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    host: { type: "string" },
    token: { type: "string" },
    tool: { type: "string", multiple: true, default: [] },
  },
});
const here = dirname(fileURLToPath(import.meta.url));

// Chromium and its libraries, unpacked once.
function chromium() {
  const folder = join(here, "chromium");
  if (existsSync(folder)) return folder;
  const packed = join(here, "node_modules/@sparticuz/chromium/bin");
  const made = `${folder}.${process.pid}`;
  mkdirSync(made);
  const unpack = (name) => brotliDecompressSync(readFileSync(join(packed, name)));
  writeFileSync(join(made, "chromium"), unpack("chromium.br"));
  chmodSync(join(made, "chromium"), 0o755);
  for (const name of ["al2023.tar", "swiftshader.tar"]) {
    execFileSync("tar", ["-x", "-C", made], { input: unpack(`${name}.br`) });
  }
  renameSync(made, folder);
  return folder;
}

const bundle = await build({
  entryPoints: [join(here, "page.mjs")],
  bundle: true,
  format: "esm",
  write: false,
  logLevel: "silent",
});
const script = bundle.outputFiles[0].contents;
const server = createServer((request, response) => {
  const isScript = request.url === "/page.mjs";
  response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
  response.end(isScript ? script : '<!doctype html><script type="module" src="/page.mjs"></script>');
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const profile = mkdtempSync(join(tmpdir(), "accesspolicy-browser-"));
const folder = chromium();
const browser = await puppeteer.launch({
  executablePath: join(folder, "chromium"),
  headless: "shell",
  userDataDir: profile,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    // Loopback, whatever proxy the environment names.
    "--no-proxy-server",
    // The page has the origin that is wanted, wherever it is served.
    `--host-resolver-rules=MAP ${values.host} 127.0.0.1:${server.address().port}`,
  ],
  env: { ...process.env, LD_LIBRARY_PATH: folder },
});
let outcome;
try {
  const page = await browser.newPage();
  await page.goto(`http://${values.host}/`);
  await page.waitForFunction("globalThis.session");
  const run = (url, token, tools) =>
    globalThis.session(url, token, tools).catch((error) => ({ failed: String(error) }));
  outcome = await page.evaluate(run, positionals[0], values.token, values.tool);
} finally {
  await browser.close();
  server.close();
  rmSync(profile, { recursive: true, force: true });
}
console.log(JSON.stringify(outcome));
