// Names of users, from the sources that this host has for them: getpwuid_r(3). It runs on a launcher thread, because it
// may ask a server. It does not run on the scan's thread, which has other descriptors than those that the sources
// remember.
#include <pwd.h>

#include <string>
#include <vector>

#include "../awaited.h"
#include "../export.h"
#include "../bytes.h"
#include "../environment_job.h"
#include "../throw.h"
#include "scan.h"

namespace linux_ns {
namespace {

// The name of a user; empty if the host knows no such user.
std::string NameOf(uid_t uid) {
  std::vector<char> buffer(1 << 10);
  passwd entry;
  passwd *found = nullptr;
  while (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == ERANGE && buffer.size() < (1 << 20)) {
    buffer.resize(buffer.size() * 4);
  }
  return found == nullptr ? "" : found->pw_name;
}

void Tell(Environment *environment, Awaited awaited, const std::vector<std::string> &names) {
  Napi::Env env = awaited->Env();
  Napi::HandleScope scope(env);
  Napi::Array list = Napi::Array::New(env, names.size());
  for (size_t i = 0; i < names.size(); i++) {
    list.Set(static_cast<uint32_t>(i), Napi::String::New(env, names[i]));
  }
  CallAwaited(environment, awaited, {list});
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
  Awaited awaited = Await(environment, info[1].As<Napi::Function>());
  auto look_up = [environment, uids, awaited](const Stack &) {
    std::vector<std::string> names;
    for (uid_t uid : uids) {
      names.push_back(NameOf(uid));
    }
    environment->Post([environment, awaited, names] { Tell(environment, awaited, names); });
  };
  if (!Submit(std::make_unique<EnvironmentJob>(environment, look_up))) {
    TakeAwaited(environment, awaited);
    ThrowSystem(env, {EAGAIN, "clone", ""});
  }
}

} // namespace

void InitUsers(Napi::Env env, Napi::Object exports) { Export<UserNames>(env, exports, "userNames"); }

} // namespace linux_ns
