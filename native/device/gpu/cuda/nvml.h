// NVML, the driver's library for what a card is doing: how busy, how warm, how much power and memory. Loaded
// at run time, by the file that DESCENT_NVML_LIBRARY names or the system's; without it there are no figures.
#pragma once

#include <string>

#include "../../device.h"

namespace descent::gpu::cuda {

// "580.65.06", or "" where NVML is not there.
std::string nvmlDriverVersion();
// Of the card at this place on the bus, "00000000:65:00.0"; all -1 where it is not known.
DeviceSample sampleCard(const std::string& bus);

}  // namespace descent::gpu::cuda
