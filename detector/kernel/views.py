# cython: language_level=3, initializedcheck=False
"""The working tables as the kernel sees them: one object in place of twenty views a call.

`working` owns the memory; `tables` says which word of each holds what.
"""

import cython


@cython.cclass
class Views:
    """Flat views of the tables, and the seed of their hashes; the attributes are typed in views.pxd."""
