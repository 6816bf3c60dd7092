// Libraries that are looked for at run time: drivers that a machine may not have.
#pragma once

#include <initializer_list>
#include <string>

namespace descent::gpu {

// The first of them that can be opened; only `named` where it is given. Null where there is none: then
// `problem` has the system's words. A library stays open as long as the process.
void* openLibrary(const char* named, std::initializer_list<const char*> usual, std::string& problem);
void* findSymbol(void* library, const char* name);

}  // namespace descent::gpu
