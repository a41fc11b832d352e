from camkit.camera_capture._backend cimport Backend
