// The way of systems without a futex, which this one can run too.
#define CAMKIT_PARKER_CONDVAR
#include "parker_test.cpp"
