from camkit.gl_core._gl import Functions

class DmabufImages:
    binding: str
    def __init__(self, functions: Functions) -> None: ...

def no_import(functions: Functions) -> str: ...
