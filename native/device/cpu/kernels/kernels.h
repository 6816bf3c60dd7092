// What the kernel files of one build share. Everything with a body is in this build's namespace.
#pragma once

#include "../kernel.h"
