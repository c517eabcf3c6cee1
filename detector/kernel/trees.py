# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""Decision trees as flat arrays: check them once, walk them for many rows, take a walk apart.

A forest is six arrays over its nodes and one over its trees.  An inner node goes to its
left child when `x <= threshold`, or when x is NaN and `missing_left` is set, else to its
right child.  A leaf is its own child twice, so a walk of fixed length never leaves it and
four rows can go down side by side without a branch.  Children have larger numbers than
their parents: every walk ends.

`children[2 * i]` is the right child of node i and `children[2 * i + 1]` the left one.
Same source compiled and uncompiled; every argument is a memoryview.
"""

import cython


def check(
    n_features: cython.Py_ssize_t,
    feature: cython.int[::1],
    threshold: cython.double[::1],
    children: cython.int[::1],
    missing_left: cython.uchar[::1],
    value: cython.double[::1],
    root: cython.int[::1],
    depth: cython.int[::1],
) -> None:
    """Refuse arrays that no walk may trust, and fill `depth` (steps to the deepest leaf of each tree).

    Arrays: feature, threshold, missing_left, value (nodes,); children (2 * nodes,); root, depth (trees,).
    Raises ValueError with the first fault found and the node or tree that has it.
    """
    nodes: cython.Py_ssize_t = feature.shape[0]
    trees: cython.Py_ssize_t = root.shape[0]
    i: cython.Py_ssize_t
    left: cython.Py_ssize_t
    right: cython.Py_ssize_t
    same: cython.bint = threshold.shape[0] == nodes and missing_left.shape[0] == nodes
    if not same or value.shape[0] != nodes or children.shape[0] != 2 * nodes or depth.shape[0] != trees:
        raise ValueError("tree arrays differ in length")
    height = [0] * nodes
    for i in range(nodes - 1, -1, -1):
        left, right = children[2 * i + 1], children[2 * i]
        if feature[i] < 0 or feature[i] >= n_features:
            raise ValueError(f"node {i} splits on feature {feature[i]} of {n_features}")
        if value[i] != value[i] or value[i] - value[i] != 0:
            raise ValueError(f"node {i} has value {value[i]}")
        if missing_left[i] > 1:
            raise ValueError(f"node {i} sends missing values to neither side")
        if left == i and right == i:
            continue
        if left <= i or right <= i or left >= nodes or right >= nodes:
            raise ValueError(f"node {i} has children {left} and {right} of {nodes}")
        if threshold[i] != threshold[i]:
            raise ValueError(f"node {i} has threshold NaN")
        height[i] = 1 + max(height[left], height[right])
    for i in range(trees):
        if root[i] < 0 or root[i] >= nodes:
            raise ValueError(f"tree {i} starts at node {root[i]} of {nodes}")
        depth[i] = height[root[i]]


def walk(
    rows: cython.double[:, ::1],
    feature: cython.int[::1],
    threshold: cython.double[::1],
    children: cython.int[::1],
    missing_left: cython.uchar[::1],
    value: cython.double[::1],
    root: cython.int[::1],
    depth: cython.int[::1],
    base: cython.double,
    out: cython.double[::1],
) -> None:
    """Fill `out` (n,) with base plus the leaf values of all trees, in their order, for `rows` (n, features).

    The arrays have passed `check` with the width of `rows`.  The order of the sum is
    scikit-learn's, so the result is its own to the last bit.
    """
    n: cython.Py_ssize_t = rows.shape[0]
    trees: cython.Py_ssize_t = root.shape[0]
    i: cython.Py_ssize_t
    t: cython.Py_ssize_t
    _: cython.Py_ssize_t
    start: cython.Py_ssize_t = 0
    stop: cython.Py_ssize_t
    a: cython.int
    b: cython.int
    c: cython.int
    d: cython.int
    x: cython.double
    if out.shape[0] != n:
        raise ValueError("one result a row")
    with cython.nogil:
        for i in range(n):
            out[i] = base
        while start < n:  # blocks of 256 rows stay in cache while all trees pass over them
            stop = start + 256 if start + 256 < n else n
            for t in range(trees):
                i = start
                while i + 4 <= stop:
                    a = b = c = d = root[t]
                    for _ in range(depth[t]):
                        x = rows[i, feature[a]]
                        a = children[2 * a + ((x <= threshold[a]) | ((x != x) & missing_left[a]))]
                        x = rows[i + 1, feature[b]]
                        b = children[2 * b + ((x <= threshold[b]) | ((x != x) & missing_left[b]))]
                        x = rows[i + 2, feature[c]]
                        c = children[2 * c + ((x <= threshold[c]) | ((x != x) & missing_left[c]))]
                        x = rows[i + 3, feature[d]]
                        d = children[2 * d + ((x <= threshold[d]) | ((x != x) & missing_left[d]))]
                    out[i] += value[a]
                    out[i + 1] += value[b]
                    out[i + 2] += value[c]
                    out[i + 3] += value[d]
                    i += 4
                while i < stop:
                    a = root[t]
                    for _ in range(depth[t]):
                        x = rows[i, feature[a]]
                        a = children[2 * a + ((x <= threshold[a]) | ((x != x) & missing_left[a]))]
                    out[i] += value[a]
                    i += 1
            start = stop


def contribute(
    row: cython.double[::1],
    feature: cython.int[::1],
    threshold: cython.double[::1],
    children: cython.int[::1],
    missing_left: cython.uchar[::1],
    value: cython.double[::1],
    root: cython.int[::1],
    out: cython.double[::1],
) -> cython.double:
    """Add to `out` (features,) what each feature of `row` moves the sum by; return where it starts from.

    Path contributions (Saabas, 2014): a split is credited with the value of the child taken
    less the value of the node, where the value of an inner node is the mean of the training
    rows that reached it.  The start is the sum of the values of the roots, and start plus
    contributions is the sum of the leaf values.  The arrays have passed `check`.
    """
    t: cython.Py_ssize_t
    a: cython.int
    b: cython.int
    x: cython.double
    start: cython.double = 0.0
    for t in range(root.shape[0]):
        a = root[t]
        start += value[a]
        while True:
            x = row[feature[a]]
            b = children[2 * a + ((x <= threshold[a]) | ((x != x) & missing_left[a]))]
            if b == a:
                break
            out[feature[a]] += value[b] - value[a]
            a = b
    return start
