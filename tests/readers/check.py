"""Reads messages as Python does and compares the call with what is expected.

Standard input: body, method, thing and id, each as x and hexadecimal digits.
"""
import json
import sys

count = 0
for line in sys.stdin:
    body, method, thing, token = (bytes.fromhex(field[1:]) for field in line.split())
    message = json.loads(body)
    params = message.get("params", {})
    reads = message["method"]
    if reads in ("tools/call", "prompts/get"):
        found = params["name"]
    elif reads in ("resources/read", "resources/subscribe", "resources/unsubscribe"):
        found = params["uri"]
    elif reads == "tasks/get":
        found = params["taskId"]
    else:
        found = None
    wanted_id = json.loads(token) if token else None
    right = (
        reads == method.decode()
        and (found is None or found == thing.decode())
        and message.get("id") == wanted_id
        and type(message.get("id")) is type(wanted_id)
    )
    if not right:
        print(f"read otherwise: {body!r}")
        sys.exit(1)
    count += 1
print(f"{count} agree")
