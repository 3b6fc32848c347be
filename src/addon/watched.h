// A descriptor that JavaScript holds as an object, which calls a function of it when there is something to do.
#ifndef LINUX_NS_ADDON_WATCHED_H
#define LINUX_NS_ADDON_WATCHED_H

#include <napi.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "environment.h"
#include "fd.h"
#include "poll.h"
#include "throw.h"
#include "export.h"

namespace linux_ns {

// The part that is the same for all classes of objects.
class Watched : public Closable {
public:
  // Closes it, once no thread uses it: by JavaScript, or because the environment ends.
  void Shut() override;

protected:
  explicit Watched(Environment *environment) : environment_(environment) {}

  // Takes over a descriptor that JavaScript holds. `events` are those of uv_poll_start. False: it has thrown, and the
  // descriptor is still JavaScript's.
  bool TakeOver(Napi::Env env, int fd, int events, const Napi::Function &callback);

  bool IsOpen() const { return fd_ != nullptr; }
  int fd() const { return fd_ ? fd_->get() : -1; }

  // The object of JavaScript.
  virtual Napi::Object Self() = 0;

  // Methods that all have.
  void Watch(const Napi::CallbackInfo &info);
  void RefLoop(const Napi::CallbackInfo &) { poll_.Reference(true); }
  void UnrefLoop(const Napi::CallbackInfo &) { poll_.Reference(false); }
  void Close(const Napi::CallbackInfo &) { ShutIfOpen(); }

  void ShutIfOpen() {
    if (IsOpen()) {
      Shut();
    }
  }

  Environment *environment_;
  std::shared_ptr<Fd> fd_; // shared with a thread that uses it

private:
  void OnEvent();

  Poll poll_;
  Napi::FunctionReference callback_;
};

// Object is the class of the objects. It has a name for JavaScript, kName, and Begin(info) opens it or throws.
template <typename Object> class WatchedObject : public Napi::ObjectWrap<Object>, public Watched {
public:
  explicit WatchedObject(const Napi::CallbackInfo &info)
      : Napi::ObjectWrap<Object>(info), Watched(Environment::Of(info.Env())) {}
  ~WatchedObject() override { ShutIfOpen(); }

protected:
  using Property = Napi::ClassPropertyDescriptor<Object>;

  // Defines the class, and the function of the addon that opens an object.
  static void Define(Napi::Env env, Napi::Object exports, const char *opener, std::initializer_list<Property> methods) {
    std::vector<Property> all(methods);
    all.push_back(Object::InstanceMethod("watch", &Object::Watch));
    all.push_back(Object::InstanceMethod("ref", &Object::RefLoop));
    all.push_back(Object::InstanceMethod("unref", &Object::UnrefLoop));
    all.push_back(Object::InstanceMethod("close", &Object::Close));
    Environment::Of(env)->Constructor(Object::kName) = Napi::Persistent(Object::DefineClass(env, Object::kName, all));
    Export<&WatchedObject::Open>(env, exports, opener);
  }

private:
  static Napi::Value Open(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    Napi::Object object = Environment::Of(env)->Constructor(Object::kName).New({});
    Object *opened = UnwrapNew<Object>(object);
    if (opened == nullptr || !opened->Begin(info)) {
      return env.Undefined();
    }
    return object;
  }

  Napi::Object Self() override { return this->Value(); }
};

} // namespace linux_ns

#endif
