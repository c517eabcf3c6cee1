def number(
    keys: memoryview,
    width: int,
    seed: int,
    known: memoryview,
    count: int,
    table: memoryview,
    numbers: memoryview,
) -> int: ...
def rehash(old: memoryview, table: memoryview) -> None: ...
