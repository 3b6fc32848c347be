#include "export.h"

namespace linux_ns {

// What fails here leaves an exception pending, with which loading the addon fails.
void ExportCallback(Napi::Env env, Napi::Object exports, const char *name, napi_callback callback, void *data) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function) == napi_ok) {
    napi_set_named_property(env, exports, name, function);
  }
}

} // namespace linux_ns
