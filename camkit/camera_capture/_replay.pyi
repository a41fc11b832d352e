from camkit.camera_capture._backend import Backend
from camkit.camera_capture.recording import Recording
from camkit.camera_capture.recording_damage import Damage

class ReplayBackend(Backend):
    recording: Recording
    damages: list[Damage]
