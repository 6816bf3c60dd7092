// Call sites: when the stack is read, and how numbers become text.
#include "site.h"

#include <utility>

namespace descent {

namespace {
thread_local SiteReader siteReader;
}

void setSiteReader(SiteReader reader) { siteReader = std::move(reader); }

uint32_t siteHere() {
  AllocationContext& context = allocationContext();
  if (context.site == 0 && context.call && siteReader.read) context.site = siteReader.read();
  return context.site;
}

std::string textOfSite(uint32_t site) { return site && siteReader.text ? siteReader.text(site) : ""; }

}  // namespace descent
