#include "rows.h"

#include <charconv>
#include <cstdio>

namespace linux_ns {
namespace {

// A text of this size is parsed in a fraction of a millisecond.
constexpr size_t kChunk = 16 << 10;

} // namespace

Rows &Rows::Begin(const char *name) {
  text_ += text_.empty() ? "[[\"" : ",[\"";
  text_ += name;
  text_ += '"';
  return *this;
}

Rows &Rows::Separate() {
  text_ += ',';
  return *this;
}

Rows &Rows::Number(int64_t value) {
  char digits[24];
  Separate();
  text_.append(digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof(digits), value).ptr - digits));
  return *this;
}

Rows &Rows::Digits(uint64_t value) {
  char digits[24];
  Separate().text_ += '"';
  text_.append(digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof(digits), value).ptr - digits));
  text_ += '"';
  return *this;
}

Rows &Rows::Text(std::string_view text) {
  Separate();
  text_ += '"';
  for (char letter : text) {
    unsigned char byte = static_cast<unsigned char>(letter);
    if (byte == '"' || byte == '\\') {
      text_ += '\\';
      text_ += letter;
    } else if (byte < 0x20) {
      char escape[8];
      snprintf(escape, sizeof(escape), "\\u%04x", byte);
      text_ += escape;
    } else {
      text_ += letter;
    }
  }
  text_ += '"';
  return *this;
}

Rows &Rows::Null() {
  Separate();
  text_ += "null";
  return *this;
}

void Rows::End() {
  text_ += ']';
  if (text_.size() >= kChunk) {
    Flush();
  }
}

void Rows::Flush() {
  if (text_.empty()) {
    return;
  }
  text_ += ']';
  deliver_(std::move(text_));
  text_.clear();
}

} // namespace linux_ns
