// Bytes that JavaScript gives.
#ifndef LINUX_NS_ADDON_BYTES_H
#define LINUX_NS_ADDON_BYTES_H

#include <napi.h>

#include <cstdint>
#include <vector>

namespace linux_ns {

struct Bytes {
  char *data = nullptr;
  size_t size = 0;
};

// Finds the bytes of a typed array or a DataView on any kind of buffer: shared, resizable, or detached (it has none).
// They are valid until JavaScript runs again. Bytes of a shared buffer may change at any time, so they are copied, or
// passed to the kernel, once. Returns false for any other value, and then no exception is pending.
bool FindBytes(Napi::Env env, const Napi::Value &value, Bytes *bytes);

// The numbers of a Uint32Array.
std::vector<uint32_t> NumbersOf(const Bytes &bytes);

// Takes the bytes of an argument. False with an exception pending.
bool BytesArgument(const Napi::CallbackInfo &info, size_t index, Bytes *bytes);

// A Buffer of JavaScript with these bytes, without a copy: there may be many of them. Empty where the environment is
// being terminated.
Napi::Value GiveBytes(Napi::Env env, std::vector<char> bytes);

} // namespace linux_ns

#endif
