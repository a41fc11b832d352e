"""The backend of Linux: V4L2 by its own ioctls, and what is around it (USB, UVC metadata, hotplug)."""
