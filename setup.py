"""Builds the kernel: pure-Python-mode Cython, for the stable ABI.

C inlines within one extension only: a module is compiled together with those in folders
of the kernel that it imports where it runs uncompiled (`parts`).

Everything else about the package is in pyproject.toml.  Without a C compiler the
extensions are left out (they are optional) and the same sources run uncompiled.
"""

import ast
import os
import runpy
import shutil
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

MODULES = [
    "linklayers", "tunnels", "fragments", "interfaces", "frames", "views", "slots", "channels", "summaries",
    "trees", "hashing", "packing", "hellos", "answers",
    "_memoryviews",  # no source of ours: what Cython would else put into each of the others
]  # fmt: skip
LIMITED = [("CYTHON_LIMITED_API", "1"), ("Py_LIMITED_API", "0x030b0000")]


def constants(name):
    """Writes the numbers of a module as C constants, for the compiled modules to cimport.

    They are written once, in Python; in C they are macros, so that the compiler folds them.
    True when they changed: Cython does not see of every module that it depends on them.
    """
    values = {
        key: value
        for key, value in runpy.run_path(f"detector/kernel/{name}.py").items()
        if key.isupper() and isinstance(value, int)
    }
    macros, declarations = "", ""
    for key, value in values.items():
        unsigned = value >= 1 << 63 or (value >= (1 << 32) - 1 and value & (value + 1) == 0)  # or a mask
        macros += f"    #define {name}_{key} {value}{'ULL' if unsigned else 'LL'}\n"
        kind = "unsigned long long" if unsigned else "long long"
        declarations += f'    const {kind} {key} "{name}_{key}"\n'
    text = f"# Written by setup.py from {name}.py.\ncdef extern from *:\n"
    text += f'    """\n{macros}    """\n{declarations}'
    path = Path(f"detector/kernel/{name}.pxd")
    if path.exists() and path.read_text() == text:
        return False
    path.write_text(text)
    return True


def parts(name):
    """Modules in folders of the kernel that this one imports, and they, each behind those it needs."""
    found = []
    tree = ast.parse(Path(f"detector/kernel/{name}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if module.startswith("detector.kernel.") and module.count(".") == 3:
            part = module.removeprefix("detector.kernel.").replace(".", "/")
            found += [*parts(part), part]
    return list(dict.fromkeys(found))


def source(name):
    """What Cython is given for an extension: its module alone, or a file that includes it and its parts.

    Errors and tracebacks name the modules themselves.  Directives are those of the module.
    """
    if name.startswith("_"):
        return f"detector/kernel/{name}.c"
    own = Path(f"detector/kernel/{name}.py")
    taken = parts(name)
    if not taken:
        return str(own)
    directives = own.read_text(encoding="utf-8").split("\n", 1)[0]
    text = f"{directives}\n# Written by setup.py: the modules that are compiled together.\n"
    text += "".join(f'include "{part}.py"\n' for part in [*taken, name])
    path = own.with_suffix(".pyx")
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return str(path)


changed = [constants(name) for name in ("tables", "layout", "ethertypes")]
extensions = [
    Extension(
        f"detector.kernel.{name}",
        [source(name)],
        define_macros=LIMITED,
        py_limited_api=True,
        extra_compile_args=os.environ.get("MINEWATCH_CFLAGS", "-O3 -g0").split(),
        extra_link_args=os.environ.get("MINEWATCH_LDFLAGS", "").split(),
    )
    for name in MODULES
]


class BuildWithSamples(build_py):
    """`minewatch demo` needs the samples, whose home is outside the package: a wheel gets a copy."""

    def run(self):
        super().run()
        if not self.editable_mode:
            shutil.copytree("sample_data", Path(self.build_lib, "detector/data/samples"), dirs_exist_ok=True)


extension_modules = cythonize(
    extensions,
    language_level=3,
    quiet=True,
    force=any(changed),
    shared_utility_qualified_name="detector.kernel._memoryviews",
    compiler_directives={"show_performance_hints": False},  # each bounds check would be one
)
for extension in extension_modules:
    extension.optional = True  # Cython makes new extensions of those it is given, without this

setup(
    cmdclass={"build_py": BuildWithSamples},
    ext_modules=extension_modules,
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
