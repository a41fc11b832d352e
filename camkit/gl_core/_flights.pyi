class Flights:
    pass
