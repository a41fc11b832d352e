"""What every test may count on."""

import signal

# A shell's background job ignores SIGINT, and so would the children that the tests send one to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
