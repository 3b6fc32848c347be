// The results of a scan as JSON: an array of rows for each chunk. JSON.parse makes objects of text faster than calls
// into V8 for each value do, and the text can be made on any thread.
#ifndef LINUX_NS_ADDON_DISCOVERY_ROWS_H
#define LINUX_NS_ADDON_DISCOVERY_ROWS_H

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace linux_ns {

class Rows {
public:
  explicit Rows(std::function<void(std::string)> deliver) : deliver_(std::move(deliver)) {}

  // One row after another: Begin, then its values, then End.
  Rows &Begin(const char *name);
  Rows &Number(int64_t value);
  // Writes the number as text, because it may have more digits than a double.
  Rows &Digits(uint64_t value);
  // Writes bytes that somebody else has chosen. Bytes that are no UTF-8 become U+FFFD when JavaScript reads the text.
  Rows &Text(std::string_view text);
  Rows &Null();
  void End();

  // Hands out the rows that there are.
  void Flush();

private:
  Rows &Separate();

  std::function<void(std::string)> deliver_;
  std::string text_;
};

} // namespace linux_ns

#endif
