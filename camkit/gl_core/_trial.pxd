# A trial is Python: nothing of it is called without the GIL.
