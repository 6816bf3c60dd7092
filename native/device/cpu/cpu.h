// What the binding may ask of the CPU device beyond Device: its threads and its instruction set.
#pragma once

#include "../device.h"

namespace descent::cpu {

// Threads a kernel may use, the caller's included. At first: DESCENT_NUM_THREADS, else the number of physical
// cores this process may use.
int numThreads();
void setNumThreads(int count);  // throws Error("argument", ...) below 1
// Kernels that this thread calls run on it alone from now on.
void useOneThreadHere();

// "AVX-512", "AVX2", "portable": the build of the kernels in use.
const char* capabilityName();
// Picks a lower one, for tests; throws Error("argument", ...) where this CPU has not got it.
void setCapability(const char* name);

Device& device();

}  // namespace descent::cpu
