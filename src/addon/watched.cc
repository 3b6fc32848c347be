#include "watched.h"

#include "descriptors.h"

namespace linux_ns {

bool Watched::TakeOver(Napi::Env env, int fd, int events, const Napi::Function &callback) {
  // A loop that watches a descriptor makes it non-blocking: uv_poll_init.
  int error = poll_.Open(environment_, fd, events, true, [this] { OnEvent(); });
  if (error != 0) {
    poll_.Close();
    ThrowSystem(env, {-error, "epoll_ctl", ""});
    return false;
  }
  environment_->Disown(fd);
  environment_->Add(this);
  fd_ = std::shared_ptr<Fd>(new Fd(fd));
  callback_ = Napi::Persistent(callback);
  return true;
}

void Watched::Shut() {
  environment_->Remove(this);
  poll_.Close();
  fd_.reset();
  callback_.Reset();
}

void Watched::Watch(const Napi::CallbackInfo &info) {
  poll_.Watch((BooleanArgument(info, 0) ? UV_READABLE : 0) | (BooleanArgument(info, 1) ? UV_WRITABLE : 0));
}

void Watched::OnEvent() {
  // An error is not the end: whoever receives takes note of it.
  poll_.Resume();
  Napi::Env env = callback_.Env();
  Napi::HandleScope scope(env);
  callback_.MakeCallback(Self(), {});
  TellUncaught(env);
}

} // namespace linux_ns
