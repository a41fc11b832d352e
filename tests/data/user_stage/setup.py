from Cython.Build import cythonize
from setuptools import Extension, setup

import camkit

setup(
    name="invert",
    ext_modules=cythonize(
        [
            Extension(
                name,
                [f"{name}.pyx"],
                include_dirs=[camkit.get_include()],
                extra_compile_args=["-std=c++17"],
                language="c++",
            )
            for name in ("invert", "bands")
        ],
        language_level=3,
    ),
)
