from typing import TypeAlias

V: TypeAlias = memoryview

def update(
    batch: V,
    start: int,
    n: int,
    window: V,
    seed: int,
    state: V,
    connections: V,
    connection_table: V,
    channels: V,
    channel_table: V,
    rows: V,
    events: V,
    pieces: V,
    copied: V,
    holds: V,
    held: V,
    services: V,
    shifts: V,
    words: V,
    starts: V,
) -> int: ...
def let_go(
    c: int,
    from_b: int,
    state: V,
    connections: V,
    channels: V,
    rows: V,
    events: V,
    pieces: V,
    copied: V,
    holds: V,
    held: V,
    services: V,
    shifts: V,
    words: V,
    starts: V,
) -> None: ...
def close_message(c: int, state: V, connections: V, channels: V, rows: V, events: V) -> None: ...
def close_messages(
    leaving: V, begin: int, state: V, connections: V, channels: V, rows: V, events: V
) -> int: ...
def open_channel(
    client_high: int,
    client_low: int,
    server_high: int,
    server_low: int,
    key: int,
    seed: int,
    state: V,
    table: V,
    channels: V,
) -> int: ...
