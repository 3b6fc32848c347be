#include "encoder.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <unordered_map>

#include "../plan/plan.h"
#include "bytes.h"
#include "throw.h"

namespace linux_ns {
namespace {

struct StepType {
  const char *name;
  plan_speech speech;
  const char *fields;
};

const StepType kStepTypes[] = {
#define STEP(identifier, speech, fields) {#identifier, PLAN_##speech, "" fields},
#define FIELD(kind, name) PLAN_KIND_##kind
#include "../plan/steps.h"
};

const std::unordered_map<std::string, uint32_t> &StepTypesByName() {
  static const auto *types = [] {
    auto *map = new std::unordered_map<std::string, uint32_t>();
    for (uint32_t type = 0; type < PLAN_STEP_TYPES; type++) {
      map->emplace(kStepTypes[type].name, type);
    }
    return map;
  }();
  return *types;
}

constexpr size_t kShortText = 512;
constexpr size_t kLongestLetter = 4; // bytes of UTF-8

// Each is used once. They are asked for many at a time, for all threads of JavaScript together: what belongs to one
// thread alone takes glibc's loader, which musl does not have.
uint32_t NewMark() {
  constexpr size_t kMarks = 64; // getrandom(2): as many bytes as a signal never interrupts
  static std::mutex mutex;
  static uint32_t marks[kMarks];
  static size_t left = 0;
  std::lock_guard<std::mutex> lock(mutex);
  if (left == 0) {
    if (getrandom(marks, sizeof(marks), GRND_NONBLOCK) < 0) {
      return 0; // the kernel has no random numbers yet: a name all the same
    }
    left = kMarks;
  }
  return marks[--left];
}

class Encoder {
public:
  Encoder(Napi::Env env, Plan *plan) : env_(env), plan_(plan) {}

  bool Encode(const Napi::Value &steps) {
    if (!steps.IsArray()) {
      return Refuse("the plan is no array");
    }
    Napi::Array list = steps.As<Napi::Array>();
    plan_->mark = NewMark();
    plan_header header = {PLAN_MAGIC, 0, list.Length(), 0, 0, plan_->mark, 0};
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
    auto type = StepTypesByName().find(name);
    return type == StepTypesByName().end() ? Refuse("no step is called " + name) : EncodeFields(step, type->second);
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
    if (type == PLAN_fork) {
      plan_->forks.push_back(index_);
    }
    index_++;
    plan_->has_init = plan_->has_init || type == PLAN_init;
    plan_->stays = plan_->stays || type == PLAN_init || type == PLAN_hold;
    plan_->talks = plan_->talks || kStepTypes[type].speech == PLAN_TALKS;
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
      case 't':
        plan_->talks = plan_->talks || value.IsNull();
        return value.IsNull() ? EncodeNull() : EncodeString(value);
      case 'b':
        return EncodeBytes(value);
      case 'N':
        return EncodeList(value, &Encoder::EncodeNumber);
      case 'F':
        listed_.clear();
        return EncodeList(value, &Encoder::EncodeListedFd);
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

  // The descriptor is duplicated now, while the caller's is surely open, to a number above that of the control socket.
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

  // In a list, null stands for no descriptor: it becomes 0, which is no descriptor of a plan. One that the list has
  // more than once, as /dev/null for 0, 1 and 2, is duplicated once.
  bool EncodeListedFd(const Napi::Value &value) {
    if (value.IsNull()) {
      AppendNumber(0);
      return true;
    }
    int given = value.IsNumber() ? value.As<Napi::Number>().Int32Value() : -1;
    for (size_t i = 0; i < listed_.size(); i++) {
      if (listed_[i] == given) {
        AppendNumber(static_cast<uint64_t>(plan_->numbers[plan_->numbers.size() - listed_.size() + i]));
        return true;
      }
    }
    if (!EncodeFd(value)) {
      return false;
    }
    listed_.push_back(given);
    return true;
  }

  bool EncodeString(const Napi::Value &value) {
    char text[kShortText];
    size_t length = 0;
    if (napi_get_value_string_utf8(env_, value, text, sizeof(text), &length) != napi_ok) {
      return Refuse("a field is no string");
    }
    // The room is full, so there may be more of the text. Where it was cut, a letter that did not fit as a whole is
    // left out.
    if (length + kLongestLetter >= sizeof(text)) {
      return EncodeLongString(value);
    }
    if (memchr(text, '\0', length) != nullptr) {
      return Refuse("a string has a NUL inside");
    }
    return AppendBytes(text, length);
  }

  bool EncodeLongString(const Napi::Value &value) {
    std::string text = value.As<Napi::String>().Utf8Value();
    if (text.find('\0') != std::string::npos) {
      return Refuse("a string has a NUL inside");
    }
    return AppendBytes(text.data(), text.size());
  }

  bool EncodeBytes(const Napi::Value &value) {
    if (value.IsString()) {
      std::string text = value.As<Napi::String>();
      return AppendBytes(text.data(), text.size());
    }
    Bytes bytes;
    if (!FindBytes(env_, value, &bytes)) {
      return Refuse("a field is neither a string nor bytes");
    }
    return AppendBytes(bytes.data, bytes.size);
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

  // Encodes this process's own environment, without making JavaScript strings.
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

  // Adds a NUL, and padding up to the next multiple of 8, counted from the length's own 4 bytes.
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
  int index_ = 0;           // of the step
  std::vector<int> listed_; // the caller's descriptors in this list so far; their duplicates are the last in the plan
};

} // namespace

std::string Plan::ExecName() const {
  char name[16];
  snprintf(name, sizeof(name), PLAN_EXEC_NAME "%08x", mark);
  return name;
}

bool EncodePlan(Napi::Env env, const Napi::Value &steps, Plan *plan) { return Encoder(env, plan).Encode(steps); }

} // namespace linux_ns
