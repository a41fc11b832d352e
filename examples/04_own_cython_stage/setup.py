"""Compile the stage: python setup.py build_ext --inplace"""

from Cython.Build import cythonize
from setuptools import Extension, setup

import camkit

setup(
    name="exposure",
    ext_modules=cythonize(
        [
            Extension(
                "exposure",
                ["exposure.pyx"],
                include_dirs=[camkit.get_include()],
                extra_compile_args=["-std=c++17"],
                language="c++",
            )
        ],
        compiler_directives={"language_level": 3, "boundscheck": False, "cdivision": True},
    ),
)
