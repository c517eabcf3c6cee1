def add_messages(
    events: memoryview, n: int, state: memoryview, rows: memoryview, wide: memoryview, narrow: memoryview
) -> None: ...
def finish(
    leaving: memoryview,
    rows: memoryview,
    wide: memoryview,
    narrow: memoryview,
    out_wide: memoryview,
    out_narrow: memoryview,
) -> None: ...
def turn_open(which: memoryview, rows: memoryview, wide: memoryview, narrow: memoryview) -> None: ...
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
