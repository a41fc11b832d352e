from camkit.camera_capture._backend import Backend
from camkit.camera_capture._recording.damage import Damage
from camkit.camera_capture._recording.recording import Recording

class ReplayBackend(Backend):
    recording: Recording
    damages: list[Damage]
