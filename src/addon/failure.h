// A failure that is not an Error yet: it is made on any thread, and thrown or reported on Node's.
#ifndef LINUX_NS_ADDON_FAILURE_H
#define LINUX_NS_ADDON_FAILURE_H

#include <cerrno>
#include <string>
#include <utility>

namespace linux_ns {

struct Failure {
  int error = 0; // errno
  const char *syscall = "";
  std::string path;

  static Failure Last(const char *syscall, std::string path = "") { return {errno, syscall, std::move(path)}; }
};

// A value, or the failure for which there is none.
template <typename T> class Result {
public:
  Result(T value) : value_(std::move(value)), ok_(true) {}
  Result(Failure failure) : failure_(std::move(failure)) {}

  explicit operator bool() const { return ok_; }
  T &value() { return value_; }
  const Failure &failure() const { return failure_; }

private:
  T value_{};
  Failure failure_;
  bool ok_ = false;
};

} // namespace linux_ns

#endif
