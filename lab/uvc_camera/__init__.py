"""A USB webcam made of software, on the kernel's real uvcvideo driver.

It speaks USB/IP over a socket whose other end is handed to the kernel's vhci_hcd: the kernel then finds a USB device
and drives it like any other. Needs root and the modules vhci-hcd and uvcvideo.
"""
