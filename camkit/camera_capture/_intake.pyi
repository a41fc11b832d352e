from camkit.camera_capture.info import StreamInfo
from camkit.performance_core import Source

class Intake(Source):
    stream: StreamInfo
