HEAD: int
LONGEST: int

def pack(
    wide: memoryview,
    narrow: memoryview,
    rows: memoryview,
    begin: int,
    packed: memoryview,
    starts: memoryview,
) -> int: ...
def unpack(
    packed: memoryview,
    starts: memoryview,
    rows: memoryview,
    wide: memoryview,
    narrow: memoryview,
) -> None: ...
