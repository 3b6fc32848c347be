// Names of users, from whatever source this host has for them: getpwuid_r(3). On a launcher thread, as that may ask a
// server; and not on a scan's, whose descriptors are not those the sources remember.
#include <pwd.h>

#include <string>
#include <vector>

#include "../bytes.h"
#include "../environment_job.h"
#include "../throw.h"
#include "scan.h"

namespace linux_ns {
namespace {

using Callback = std::list<Napi::FunctionReference>::iterator;

// Empty: the host knows no such user.
std::string NameOf(uid_t uid) {
  std::vector<char> buffer(1 << 10);
  passwd entry;
  passwd *found = nullptr;
  while (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == ERANGE && buffer.size() < (1 << 20)) {
    buffer.resize(buffer.size() * 4);
  }
  return found == nullptr ? "" : found->pw_name;
}

void Tell(Environment *environment, Callback callback, const std::vector<std::string> &names) {
  Napi::FunctionReference function = std::move(*callback);
  environment->awaited.erase(callback);
  environment->KeepAlive(-1);
  Napi::Env env = function.Env();
  Napi::HandleScope scope(env);
  Napi::Array list = Napi::Array::New(env, names.size());
  for (size_t i = 0; i < names.size(); i++) {
    list.Set(static_cast<uint32_t>(i), Napi::String::New(env, names[i]));
  }
  function.MakeCallback(env.Global(), {list});
  TellUncaught(env);
}

// userNames(uids, done)
void UserNames(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  Bytes bytes;
  if (!info[1].IsFunction() || !FindBytes(env, info[0], &bytes)) {
    return ThrowSystem(env, {EINVAL, "getpwuid_r", ""});
  }
  std::vector<uid_t> uids = NumbersOf(bytes);
  Environment *environment = Environment::Of(env);
  environment->awaited.push_front(Napi::Persistent(info[1].As<Napi::Function>()));
  environment->KeepAlive(1);
  auto look_up = [environment, uids, callback = environment->awaited.begin()](const Stack &) {
    std::vector<std::string> names;
    for (uid_t uid : uids) {
      names.push_back(NameOf(uid));
    }
    environment->Post([environment, callback, names] { Tell(environment, callback, names); });
  };
  if (!Submit(std::make_unique<EnvironmentJob>(environment, look_up))) {
    environment->awaited.pop_front();
    environment->KeepAlive(-1);
    ThrowSystem(env, {EAGAIN, "clone", ""});
  }
}

} // namespace

void InitUsers(Napi::Env env, Napi::Object exports) {
  exports.Set("userNames", Napi::Function::New<UserNames>(env, "userNames"));
}

} // namespace linux_ns
