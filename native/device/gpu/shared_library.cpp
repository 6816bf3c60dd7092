// Libraries that are looked for at run time: drivers that a machine may not have.
#include "shared_library.h"

#include <dlfcn.h>

namespace descent::gpu {

namespace {

void* tryOpen(const char* name, std::string& problem) {
  void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  const char* words = library ? nullptr : dlerror();
  if (words && problem.empty()) problem = words;
  return library;
}

}  // namespace

void* openLibrary(const char* named, std::initializer_list<const char*> usual, std::string& problem) {
  if (named && *named) return tryOpen(named, problem);
  for (const char* name : usual) {
    if (void* library = tryOpen(name, problem)) return library;
  }
  return nullptr;
}

void* findSymbol(void* library, const char* name) { return dlsym(library, name); }

}  // namespace descent::gpu
