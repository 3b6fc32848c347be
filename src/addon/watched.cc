#include "watched.h"

#include <sys/ioctl.h>

#include <cerrno>

#include "descriptors.h"

namespace linux_ns {

bool Watched::TakeOver(Napi::Env env, int fd, int events, const Napi::Function &callback) {
  int on = 1;
  int error = ioctl(fd, FIONBIO, &on) < 0 ? -errno : 0;
  if (error == 0) {
    error = poll_.Open(environment_, fd, events, true, [this] { OnEvent(); });
  }
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
  Napi::Env env = callback_.Env();
  Napi::HandleScope scope(env);
  callback_.MakeCallback(Self(), {});
  TellUncaught(env);
}

} // namespace linux_ns
