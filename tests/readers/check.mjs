// Reads messages as Node does and compares the call with what is expected.
// Standard input: body, method, thing and id, each as x and hexadecimal digits.
import { createInterface } from "node:readline";

const text = (field) => Buffer.from(field.slice(1), "hex").toString("utf8");
let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const [body, method, thing, token] = line.split(" ").map(text);
  const message = JSON.parse(body);
  const params = message.params ?? {};
  let found;
  switch (message.method) {
    case "tools/call": case "prompts/get": found = params.name; break;
    case "resources/read": case "resources/subscribe": case "resources/unsubscribe": found = params.uri; break;
    case "tasks/get": found = params.taskId; break;
  }
  const id = token === "" ? undefined : JSON.parse(token);
  const right = message.method === method && (found === undefined || found === thing) && message.id === id;
  if (!right) {
    console.log(`read otherwise: ${JSON.stringify(body)}`);
    process.exit(1);
  }
  count += 1;
}
console.log(`${count} agree`);
