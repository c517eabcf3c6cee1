def add_messages(events: memoryview, n: int, wide: memoryview, narrow: memoryview) -> None: ...
def merge(
    wide: memoryview,
    narrow: memoryview,
    into: memoryview,
    other_wide: memoryview,
    other_narrow: memoryview,
    other: memoryview,
    scratch_wide: memoryview,
    scratch_narrow: memoryview,
    pairs: memoryview,
) -> None: ...
def turn(wide: memoryview, narrow: memoryview, which: memoryview) -> None: ...
