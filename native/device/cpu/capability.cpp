// Picks the best build of the kernels that this CPU, its operating system and DESCENT_CPU_CAPABILITY allow.
#include "capability.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "../../tensor/error.h"
#include "cpu.h"

namespace descent::cpu {

namespace {

constexpr const char* kNames[] = {"portable", "AVX2", "AVX-512"};

Capability best() {
#ifdef DESCENT_HAS_AVX
  __builtin_cpu_init();  // asks CPUID, and XGETBV for what the operating system saves
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("fma"))
    return Capability::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Capability::avx2;
#endif
  return Capability::portable;
}

Capability parse(const std::string& name) {
  for (int index = 0; index < 3; ++index) {
    if (name == kNames[index] && index <= static_cast<int>(best())) return static_cast<Capability>(index);
  }
  std::string known = kNames[0];
  for (int index = 1; index <= static_cast<int>(best()); ++index) known += std::string(", ") + kNames[index];
  throw Error("argument", "setCpuCapability",
              "this CPU has no '" + name + "' kernels; it can use " + known + ".",
              {{"name", name}, {"usable", known}});
}

Capability initial() {
  const char* wanted = std::getenv("DESCENT_CPU_CAPABILITY");
  if (wanted == nullptr || *wanted == '\0') return best();
  for (int index = 0; index <= static_cast<int>(best()); ++index) {
    if (std::string(wanted) == kNames[index]) return static_cast<Capability>(index);
  }
  return best();
}

const std::vector<Kernel>* flatten(const KernelTable* const* tables) {
  auto* all = new std::vector<Kernel>;  // as long-lived as the process
  for (; *tables; ++tables)
    all->insert(all->end(), (*tables)->kernels, (*tables)->kernels + (*tables)->count);
  return all;
}

std::atomic<Capability> current{initial()};

}  // namespace

Capability capability() { return current.load(std::memory_order_relaxed); }

const char* capabilityName() { return kNames[static_cast<int>(capability())]; }

void setCapability(const char* name) { current.store(parse(name)); }

const std::vector<Kernel>& kernels() {
  static const std::vector<Kernel>* const builds[] = {
      flatten(portable::kernelTables),
#ifdef DESCENT_HAS_AVX
      flatten(avx2::kernelTables),
      flatten(avx512::kernelTables),
#endif
  };
  return *builds[static_cast<int>(capability())];
}

}  // namespace descent::cpu
