// Call sites: places in the user's source as small numbers, so that errors, blocks of memory and a debugger
// can say where something was made. 0 is a place that is not known.
//
// Every call from outside runs within a SiteScope. Whoever wants the place asks siteHere(), which reads the
// stack at most once a call, and not at all where that would cost too much; what is allocated afterwards
// within the same call carries the number too (allocationContext().site), as kernel launches do. What a
// backward pass makes carries the number of the forward call it belongs to.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "allocator.h"

namespace descent {

// Who can read stacks: of this thread. Empty functions remove it.
struct SiteReader {
  std::function<uint32_t()> read;             // 0 where it would cost too much
  std::function<std::string(uint32_t)> text;  // "train.ts:12:5"
};
void setSiteReader(SiteReader reader);

// The place of the running call; 0 outside any.
uint32_t siteHere();
// Empty where the place is not known.
std::string textOfSite(uint32_t site);

// What happens while it lives belongs to `site` (0: found out when asked for) and was called `call` by the
// user, a text that lives for ever; null keeps the name around it.
class SiteScope {
 public:
  SiteScope(uint32_t site, const char* call)
      : siteBefore_(allocationContext().site), callBefore_(allocationContext().call) {
    allocationContext().site = site;
    if (call) allocationContext().call = call;
  }
  ~SiteScope() {
    allocationContext().site = siteBefore_;
    allocationContext().call = callBefore_;
  }
  SiteScope(const SiteScope&) = delete;
  SiteScope& operator=(const SiteScope&) = delete;

 private:
  uint32_t siteBefore_;
  const char* callBefore_;
};

}  // namespace descent
