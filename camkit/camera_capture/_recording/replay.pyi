from camkit.camera_capture._recording.damage import Damage
from camkit.camera_capture._recording.recording import Recording
from camkit.camera_capture._timed import TimedBackend

class ReplayBackend(TimedBackend):
    recording: Recording
    damages: list[Damage]
