"""Signs in, connects, joins the first project, publishes an entry of its feed and receives it.

    pip install websockets==17.4
    python3 publish.py http://127.0.0.1:7077 maya PASSWORD
"""

import json
import secrets
import sys
import time
import urllib.request
import uuid

from websockets.sync.client import connect

server, name, password = sys.argv[1:4]


def uuid7():
    bits = time.time_ns() // 10**6 << 80 | secrets.randbits(76)
    return str(uuid.UUID(int=bits & ~(0xF << 76 | 3 << 62) | 7 << 76 | 2 << 62))


device = {"id": str(uuid.uuid4()), "kind": "other", "name": "example"}
form = json.dumps({"name": name, "password": password, "device": device}).encode()
request = urllib.request.Request(f"{server}/v1/sign-in", form, {"Content-Type": "application/json"})
token = json.load(urllib.request.urlopen(request))["access_token"]

address = server.replace("http", "ws", 1) + "/v1/ws"
with connect(address, subprotocols=["watchbell.v1"], additional_headers={"Authorization": f"Bearer {token}"}) as socket:

    def ask(cmd, room, data):
        """Sends a command; gives what came until its answer."""
        socket.send(json.dumps({"id": (id := uuid7()), "cmd": cmd, "room": room, "data": data}))
        frames = []
        while (frame := json.loads(socket.recv(timeout=10))).get("re") != id:
            frames.append(frame)
        assert "ok" in frame, frame
        return frames

    own = json.loads(socket.recv(timeout=10))["connected"]["user_room"]
    state = [item for frame in ask("room:join", own, {}) for item in frame.get("state", {}).get("items", [])]
    project = next("project:" + item["value"]["id"] for item in state if item["kind"] == "project")
    ask("room:join", project, {})
    came = ask("activity:post", project, {"title": "hello from Python"})
    while not any(frame.get("event") == "activity:new" for frame in came):
        came.append(json.loads(socket.recv(timeout=10)))
    print("received:", next(frame for frame in came if frame.get("event") == "activity:new")["data"])
