// Functions that the addon offers JavaScript, on its exports.
#ifndef LINUX_NS_ADDON_EXPORT_H
#define LINUX_NS_ADDON_EXPORT_H

#include <napi.h>

#include <type_traits>

namespace linux_ns {

// Not a template: the code for each function is small.
void ExportCallback(Napi::Env env, Napi::Object exports, const char *name, napi_callback callback, void *data);

// `Function` takes a Napi::CallbackInfo, whose Data() is `data`, and returns a Napi::Value or nothing.
template <auto Function> void Export(Napi::Env env, Napi::Object exports, const char *name, void *data = nullptr) {
  auto call = [](napi_env called, napi_callback_info given) -> napi_value {
    Napi::CallbackInfo info(called, given);
    if constexpr (std::is_void_v<decltype(Function(info))>) {
      Function(info);
      return nullptr;
    } else {
      return Function(info);
    }
  };
  ExportCallback(env, exports, name, call, data);
}

} // namespace linux_ns

#endif
