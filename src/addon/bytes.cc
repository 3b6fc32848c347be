#include "bytes.h"

#include <cstring>
#include <string>
#include <utility>

namespace linux_ns {
namespace {

// The size of one element in bytes; 0 for a type that Node-API has added since.
size_t SizeOf(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 0;
  }
}

} // namespace

// The array's buffer is not asked: napi_get_arraybuffer_info() refuses a SharedArrayBuffer, and the pointer of
// Napi::ArrayBuffer is null then. Node-API gives the address of the view itself for every buffer.
bool FindBytes(Napi::Env env, const Napi::Value &value, Bytes *bytes) {
  void *data = nullptr;
  size_t size = 0;
  napi_typedarray_type type;
  if (value.IsTypedArray()) {
    if (napi_get_typedarray_info(env, value, &type, &size, &data, nullptr, nullptr) != napi_ok || SizeOf(type) == 0) {
      return false;
    }
    size *= SizeOf(type);
  } else if (!value.IsDataView() || napi_get_dataview_info(env, value, &size, &data, nullptr, nullptr) != napi_ok) {
    return false;
  }
  // Without bytes the address may be anything: an offset into a buffer that is gone.
  *bytes = size == 0 ? Bytes{} : Bytes{static_cast<char *>(data), size};
  return true;
}

std::vector<uint32_t> NumbersOf(const Bytes &bytes) {
  std::vector<uint32_t> numbers(bytes.size / sizeof(uint32_t));
  if (!numbers.empty()) {
    memcpy(numbers.data(), bytes.data, numbers.size() * sizeof(uint32_t));
  }
  return numbers;
}

bool BytesArgument(const Napi::CallbackInfo &info, size_t index, Bytes *bytes) {
  if (FindBytes(info.Env(), info[index], bytes)) {
    return true;
  }
  Napi::TypeError::New(info.Env(), "argument " + std::to_string(index) + " has no bytes").ThrowAsJavaScriptException();
  return false;
}

Napi::Value GiveBytes(Napi::Env env, std::vector<char> bytes) {
  auto *kept = new std::vector<char>(std::move(bytes));
  auto release = [](Napi::Env, char *, std::vector<char> *done) { delete done; };
  Napi::Value buffer = Napi::Buffer<char>::New(env, kept->data(), kept->size(), release, kept);
  if (buffer.IsEmpty()) {
    delete kept;
  }
  return buffer;
}

} // namespace linux_ns
