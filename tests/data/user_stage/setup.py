from Cython.Build import cythonize
from setuptools import Extension, setup

import camkit

setup(
    name="invert",
    ext_modules=cythonize(
        [
            Extension(
                "invert",
                ["invert.pyx"],
                include_dirs=[camkit.get_include()],
                extra_compile_args=["-std=c++17"],
                language="c++",
            )
        ],
        language_level=3,
    ),
)
