"""What was sent on event streams, for clients that come back to one."""

from mcp.server.streamable_http import EventMessage, EventStore


class Store(EventStore):
    def __init__(self):
        self.events = []

    async def store_event(self, stream_id, message):
        self.events.append((stream_id, message))
        return str(len(self.events))

    async def replay_events_after(self, last_event_id, send_callback):
        last = int(last_event_id)
        if not 0 < last <= len(self.events):
            return None
        stream, _ = self.events[last - 1]
        for place, (other, message) in enumerate(self.events[last:], last + 1):
            if other == stream and message is not None:
                await send_callback(EventMessage(message, str(place)))
        return stream
