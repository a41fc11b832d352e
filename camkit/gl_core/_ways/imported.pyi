from camkit.gl_core._transfer import Transfer

class Imported(Transfer):
    exporter: str
