from camkit.performance_core._chain import Chain

class Delivery(Chain):
    pass
