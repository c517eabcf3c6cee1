from detector.kernel.views import Views

def add_messages(t: Views, n: int) -> None: ...
def finish(t: Views, leaving: memoryview, out_wide: memoryview, out_narrow: memoryview) -> None: ...
def turn_open(t: Views, which: memoryview) -> None: ...
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
