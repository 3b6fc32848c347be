#include "encoder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "../plan/plan.h"
#include "throw.h"

namespace linux_ns {
namespace {

struct StepType {
  const char *name;
  const char *fields;
};

const StepType kStepTypes[] = {
#define STEP(identifier, name, fields) {name, fields},
    PLAN_STEPS(STEP)
#undef STEP
};

class Encoder {
public:
  Encoder(Napi::Env env, Plan *plan) : env_(env), plan_(plan) {}

  bool Encode(const Napi::Value &steps) {
    if (!steps.IsArray()) {
      return Refuse("the plan is no array");
    }
    Napi::Array list = steps.As<Napi::Array>();
    plan_header header = {PLAN_MAGIC, 0, list.Length(), 0};
    Append(&header, sizeof(header));
    for (uint32_t i = 0; i < list.Length(); i++) {
      if (!EncodeStep(list.Get(i))) {
        return false;
      }
    }
    if (plan_->bytes.size() > PLAN_MAX_BYTES) {
      ThrowSystem(env_, {E2BIG, "execve", ""});
      return false;
    }
    header.size = static_cast<uint32_t>(plan_->bytes.size());
    Overwrite(0, &header, sizeof(header));
    return true;
  }

private:
  bool EncodeStep(const Napi::Value &value) {
    if (!value.IsArray()) {
      return Refuse("a step is no array");
    }
    Napi::Array step = value.As<Napi::Array>();
    Napi::Value first = step.Get(0u);
    std::string name = first.IsString() ? first.As<Napi::String>().Utf8Value() : "";
    for (uint32_t type = 0; type < PLAN_STEP_TYPES; type++) {
      if (name == kStepTypes[type].name) {
        return EncodeFields(step, type);
      }
    }
    return Refuse("no step is called " + name);
  }

  bool EncodeFields(const Napi::Array &step, uint32_t type) {
    const char *fields = kStepTypes[type].fields;
    size_t start = plan_->bytes.size();
    plan_step_header header = {type, 0};
    Append(&header, sizeof(header));
    if (step.Length() != strlen(fields) + 1) {
      return Refuse(std::string("the step ") + kStepTypes[type].name + " has another number of fields");
    }
    for (uint32_t i = 0; fields[i] != '\0'; i++) {
      if (!EncodeField(fields[i], step.Get(i + 1))) {
        return false;
      }
    }
    plan_->forks += type == PLAN_fork ? 1 : 0;
    plan_->talks = plan_->talks || type == PLAN_init || type == PLAN_hold || type == PLAN_read_file ||
                   type == PLAN_pty || type == PLAN_socket || type == PLAN_tun || type == PLAN_namespaces;
    header.size = static_cast<uint32_t>(plan_->bytes.size() - start);
    Overwrite(start, &header, sizeof(header));
    return true;
  }

  bool EncodeField(char kind, const Napi::Value &value) {
    switch (kind) {
      case 'u':
        return EncodeNumber(value);
      case 'f':
        return EncodeFd(value);
      case 's':
        return EncodeString(value);
      case 'z':
        return value.IsNull() ? EncodeNull() : EncodeString(value);
      case 'b':
        return EncodeBytes(value);
      case 'N':
        return EncodeList(value, &Encoder::EncodeNumber);
      case 'F':
        return EncodeList(value, &Encoder::EncodeFd);
      default:
        return value.IsNull() ? EncodeEnvironment() : EncodeList(value, &Encoder::EncodeString);
    }
  }

  bool EncodeNumber(const Napi::Value &value) {
    if (!value.IsNumber()) {
      return Refuse("a field is no number");
    }
    AppendNumber(static_cast<uint64_t>(value.As<Napi::Number>().Int64Value()));
    return true;
  }

  // Duplicated now, while the caller's is surely open, and above the number that the control socket takes.
  bool EncodeFd(const Napi::Value &value) {
    if (!value.IsNumber()) {
      return Refuse("a field is no file descriptor");
    }
    Fd copy(fcntl(value.As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, PLAN_FIRST_FD));
    if (!copy) {
      ThrowSystem(env_, Failure::Last("fcntl"));
      return false;
    }
    AppendNumber(static_cast<uint64_t>(copy.get()));
    plan_->numbers.push_back(copy.get());
    plan_->fds.push_back(std::move(copy));
    return true;
  }

  bool EncodeString(const Napi::Value &value) {
    size_t length = 0;
    if (napi_get_value_string_utf8(env_, value, nullptr, 0, &length) != napi_ok) {
      return Refuse("a field is no string");
    }
    size_t at = AppendLength(length);
    plan_->bytes.resize(at + length + 1);
    napi_get_value_string_utf8(env_, value, plan_->bytes.data() + at, length + 1, &length);
    if (memchr(plan_->bytes.data() + at, '\0', length) != nullptr) {
      return Refuse("a string has a NUL inside");
    }
    Pad(at, length);
    return true;
  }

  bool EncodeBytes(const Napi::Value &value) {
    if (value.IsString()) {
      std::string text = value.As<Napi::String>();
      return AppendBytes(text.data(), text.size());
    }
    if (!value.IsTypedArray()) {
      return Refuse("a field is neither a string nor bytes");
    }
    Napi::TypedArray array = value.As<Napi::TypedArray>();
    const char *data = static_cast<const char *>(array.ArrayBuffer().Data()) + array.ByteOffset();
    return AppendBytes(data, array.ByteLength());
  }

  bool EncodeNull() {
    uint32_t null[2] = {PLAN_NULL, 0};
    Append(null, sizeof(null));
    return true;
  }

  bool EncodeList(const Napi::Value &value, bool (Encoder::*encode)(const Napi::Value &)) {
    if (!value.IsArray()) {
      return Refuse("a field is no array");
    }
    Napi::Array list = value.As<Napi::Array>();
    uint32_t count[2] = {list.Length(), 0};
    Append(count, sizeof(count));
    for (uint32_t i = 0; i < list.Length(); i++) {
      Napi::HandleScope scope(env_);
      if (!(this->*encode)(list.Get(i))) {
        return false;
      }
    }
    return true;
  }

  // This process's own, without a detour through JavaScript strings.
  bool EncodeEnvironment() {
    uint32_t count[2] = {0, 0};
    size_t at = plan_->bytes.size();
    Append(count, sizeof(count));
    for (char **variable = environ; *variable != nullptr; variable++) {
      AppendBytes(*variable, strlen(*variable));
      count[0]++;
    }
    Overwrite(at, count, sizeof(count));
    return true;
  }

  bool AppendBytes(const char *data, size_t size) {
    size_t at = AppendLength(size);
    plan_->bytes.insert(plan_->bytes.end(), data, data + size);
    Pad(at, size);
    return true;
  }

  // Returns where the bytes begin.
  size_t AppendLength(size_t length) {
    uint32_t size = static_cast<uint32_t>(length);
    Append(&size, sizeof(size));
    return plan_->bytes.size();
  }

  // A NUL, and up to the next multiple of 8 counted from the length's own 4 bytes.
  void Pad(size_t at, size_t length) { plan_->bytes.resize(at - 4 + (4 + length + 1 + 7) / 8 * 8, '\0'); }

  void AppendNumber(uint64_t number) { Append(&number, sizeof(number)); }

  void Append(const void *data, size_t size) {
    const char *bytes = static_cast<const char *>(data);
    plan_->bytes.insert(plan_->bytes.end(), bytes, bytes + size);
  }

  void Overwrite(size_t at, const void *data, size_t size) { memcpy(plan_->bytes.data() + at, data, size); }

  bool Refuse(const std::string &why) {
    if (env_.IsExceptionPending()) {
      return false;
    }
    Napi::TypeError::New(env_, "plan: " + why).ThrowAsJavaScriptException();
    return false;
  }

  Napi::Env env_;
  Plan *plan_;
};

} // namespace

bool EncodePlan(Napi::Env env, const Napi::Value &steps, Plan *plan) { return Encoder(env, plan).Encode(steps); }

} // namespace linux_ns
