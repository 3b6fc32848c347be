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

// Where the bytes of a typed array or a DataView are, whatever kind of buffer is below it: shared, resizable, detached
// (then there are none). Valid until JavaScript runs again; those of a shared buffer may change at any time, so they
// are copied, or passed to the kernel, once. False for any other value; no exception is pending.
bool FindBytes(Napi::Env env, const Napi::Value &value, Bytes *bytes);

// What a Uint32Array has.
std::vector<uint32_t> NumbersOf(const Bytes &bytes);

// An argument. False with an exception pending.
bool BytesArgument(const Napi::CallbackInfo &info, size_t index, Bytes *bytes);

} // namespace linux_ns

#endif
