def entered(
    state: memoryview, a0: int, a1: int, b0: int, b1: int, ident: int, ts: int, length: int
) -> int: ...
def filled(state: memoryview, e: int, batch: memoryview, k: int, shift: int) -> int: ...
def later(
    state: memoryview,
    a0: int,
    a1: int,
    b0: int,
    b1: int,
    ident: int,
    start: int,
    length: int,
    p: int,
    captured: int,
    wire: int,
    ts: int,
    batch: memoryview,
    k: int,
) -> int: ...
