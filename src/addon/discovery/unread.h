// Counts of failed reads, by source and reason. They are told at the end of a scan, and not dropped.
#ifndef LINUX_NS_ADDON_DISCOVERY_UNREAD_H
#define LINUX_NS_ADDON_DISCOVERY_UNREAD_H

#include <cerrno>
#include <map>
#include <string>
#include <utility>

#include "rows.h"

namespace linux_ns {

class Unread {
public:
  // A thing that has gone while it was looked at is not counted: it leaves no gap in the result.
  void Count(const char *source, int error) {
    if (error != ENOENT && error != ESRCH) {
      counts_[{source, error}]++;
    }
  }

  void Tell(Rows &rows) const {
    for (const auto &[what, count] : counts_) {
      rows.Begin("unread").Text(what.first).Number(what.second).Number(count).End();
    }
  }

private:
  std::map<std::pair<std::string, int>, int64_t> counts_;
};

} // namespace linux_ns

#endif
